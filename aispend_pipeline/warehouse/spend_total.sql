-- Billed USD of the asked days, all groups together.
SELECT sum(billed_usd) AS usd
FROM spend_daily
WHERE
    day BETWEEN $first AND $last
    AND (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, model))
