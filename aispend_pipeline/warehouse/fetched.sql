-- How much was ever fetched, by source, account and what became of it. No fetch is ever deleted, so that these only
-- grow. For `/metrics`.
SELECT
    source,
    account,
    provider,
    state,
    count(*) AS fetches,
    sum(epoch(finished_at - started_at)) AS seconds,
    sum(pages) AS pages,
    count(DISTINCT run_id) AS runs
FROM "fetch"
GROUP BY GROUPING SETS ((source, account, provider, state), (source, account, provider))
ORDER BY ALL
