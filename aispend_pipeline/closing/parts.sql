-- What was billed of a calendar month, in the parts that closings are made of: the rows of its usage days, and those
-- that are on its invoice, apart by invoice month, by whether they were used before, in or after the month, and by
-- currency. Google's credits are in its lines, and those of others are lines of their own.
SELECT
    provider,
    account,
    invoice_month,
    CASE WHEN day < $first THEN 'before' WHEN day > $last THEN 'after' ELSE 'in' END AS used,
    currency,
    count(*) AS n,
    sum(amount) AS amount,
    sum(amount_usd) AS usd,
    sum(coalesce(credit_usd, CASE WHEN charge_category = 'Credit' THEN amount_usd END)) AS credits_usd,
    sum(amount_usd) FILTER (WHERE charge_category = 'Tax') AS tax_usd
FROM spend
WHERE day BETWEEN $first AND $last OR invoice_month = $month
GROUP BY provider, account, invoice_month, used, currency, amount_usd IS NULL
ORDER BY provider, account, invoice_month, used, currency, amount_usd IS NULL
