-- What the answers of one Dagster run changed of days that were over.
SELECT
    restatement.account,
    restatement.day,
    restatement.model,
    restatement.was_usd,
    restatement.is_usd
FROM restatement
INNER JOIN "fetch" AS read ON restatement.fetch_id = read.fetch_id
WHERE read.run_id = ?
ORDER BY ALL
