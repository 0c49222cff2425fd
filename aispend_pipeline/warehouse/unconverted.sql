-- Amounts of the asked days in currencies for which no rate is known: listed, and never added.
SELECT
    provider,
    account,
    model,
    currency,
    sum(amount) AS amount
FROM unconverted_daily
WHERE day BETWEEN $first AND $last {conditions}
GROUP BY ALL
ORDER BY ALL
