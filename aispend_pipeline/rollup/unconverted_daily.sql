-- The window's amounts in currencies for which no rate is known, from their lines.
INSERT INTO unconverted_daily BY NAME
SELECT
    day,
    account,
    provider,
    model,
    currency,
    sum(amount) AS amount
FROM spend
WHERE amount_usd IS NULL AND amount <> 0 AND day BETWEEN $first AND $last
GROUP BY ALL
ORDER BY ALL
