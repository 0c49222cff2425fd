-- The books that the asked days' tokens and requests are from.
SELECT DISTINCT counted_by
FROM spend_daily
WHERE
    counted_by IS NOT NULL
    AND day BETWEEN $first AND $last
    AND (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, coalesce(model, '')))
ORDER BY counted_by
