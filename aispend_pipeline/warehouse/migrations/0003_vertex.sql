-- Google's bill: its credits come in the same line as the charge, and `amount` is net of them.

-- The credits in a line's amount, in its own currency and in USD: below zero but for corrections; null where a
-- provider has its credits as lines of their own.
ALTER TABLE spend ADD COLUMN credit_amount DECIMAL(38, 18);
ALTER TABLE spend ADD COLUMN credit_usd DECIMAL(38, 18);
