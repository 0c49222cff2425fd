-- What became of days that were over and were read again, newest change first.
SELECT
    "at",
    source,
    account,
    day,
    provider,
    model,
    was_usd,
    is_usd
FROM restatement
WHERE
    day BETWEEN $first AND $last
    AND (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, coalesce(model, '')))
ORDER BY "at" DESC, source, account, day, model
LIMIT $limit
