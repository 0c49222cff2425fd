-- Amounts of the asked days in currencies for which no rate is known: listed, and never added.
SELECT
    currency,
    sum(amount) AS amount
FROM spend
WHERE
    amount_usd IS NULL
    AND amount <> 0
    AND day BETWEEN $first AND $last
    AND (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, coalesce(model, '')))
GROUP BY currency
ORDER BY currency
