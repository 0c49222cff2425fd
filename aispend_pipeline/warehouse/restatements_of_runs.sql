-- What the answers of some Dagster runs changed of days that were over.
SELECT
    restatement.source,
    restatement.account,
    restatement.day,
    restatement.model,
    restatement.was_usd,
    restatement.is_usd
FROM restatement
INNER JOIN "fetch" AS read ON restatement.fetch_id = read.fetch_id
WHERE list_contains(?, read.run_id)
ORDER BY ALL
