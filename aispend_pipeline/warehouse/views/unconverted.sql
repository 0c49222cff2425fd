-- Sums in currencies for which no rate to USD is stated: they are in no sum of dollars.
CREATE OR REPLACE VIEW unconverted AS
SELECT
    day, -- UTC
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    model, -- as the bill names it; null if it names none
    currency, -- ISO 4217
    amount -- billed, in that currency
FROM unconverted_daily;
