-- For every source and account that was ever asked: its newest fetch, its newest complete one, how
-- many failed since, and its coverage.
WITH newest AS (
    SELECT
        source,
        account,
        provider,
        arg_max(fetch_id, seq) AS fetch_id,
        arg_max(state, seq) AS state,
        arg_max(finished_at, seq) AS finished_at,
        arg_max(error_class, seq) AS error_class,
        arg_max(error, seq) AS error,
        max(finished_at) FILTER (WHERE state = 'complete') AS last_complete_at,
        max(seq) FILTER (WHERE state = 'complete') AS last_complete_seq
    FROM "fetch"
    GROUP BY source, account, provider
),

days AS (
    SELECT
        source,
        account,
        count(*) FILTER (WHERE state = 'complete') AS complete,
        count(*) FILTER (WHERE state = 'partial') AS partial,
        count(*) FILTER (WHERE state = 'failed') AS failed,
        count(*) FILTER (WHERE state = 'not_due') AS not_due,
        min(day) FILTER (WHERE state IN ('complete', 'partial')) AS first_day,
        max(day) FILTER (WHERE state IN ('complete', 'partial')) AS last_day
    FROM coverage
    GROUP BY source, account
)

SELECT
    newest.source,
    newest.account,
    newest.provider,
    newest.fetch_id,
    newest.state,
    newest.finished_at,
    newest.error_class,
    newest.error,
    newest.last_complete_at,
    (
        SELECT count(DISTINCT coalesce(failing.run_id, failing.fetch_id)) FROM "fetch" AS failing
        WHERE
            failing.source = newest.source
            AND failing.account = newest.account
            AND failing.seq > coalesce(newest.last_complete_seq, 0)
    ) AS failed_since,
    coalesce(days.complete, 0) AS complete,
    coalesce(days.partial, 0) AS partial,
    coalesce(days.failed, 0) AS failed,
    coalesce(days.not_due, 0) AS not_due,
    days.first_day,
    days.last_day,
    (
        SELECT count(*) FROM quarantine
        WHERE quarantine.source = newest.source AND quarantine.account = newest.account
    ) AS quarantined,
    (
        SELECT count(*) FROM restatement
        WHERE restatement.source = newest.source AND restatement.account = newest.account
    ) AS restatements
FROM newest
LEFT JOIN days ON newest.source = days.source AND newest.account = days.account
ORDER BY newest.source, newest.account
