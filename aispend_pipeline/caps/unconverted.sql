-- Money for which no rate is known, by the account and day that it is missing from.
SELECT
    provider,
    account,
    day,
    currency,
    sum(amount) AS amount
FROM unconverted_daily
WHERE day BETWEEN $first AND $last
GROUP BY provider, account, day, currency
ORDER BY provider, account, currency, day
