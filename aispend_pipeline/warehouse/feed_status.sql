-- For every source and account that was ever asked: its newest fetch (of the newest days), when the newest
-- day that is known was last read, how many runs failed to read it since, and its coverage. Budgets have no days. Of
-- runs those count that asked for the newest two days of their time: one tick is one of those, and many more for older
-- days.
WITH newest AS (
    SELECT
        source,
        account,
        provider,
        arg_max(fetch_id, (window_end, seq)) AS fetch_id,
        arg_max(state, (window_end, seq)) AS state,
        arg_max(finished_at, (window_end, seq)) AS finished_at,
        arg_max_null(error_class, (window_end, seq)) AS error_class,
        arg_max_null(error, (window_end, seq)) AS error,
        max(window_end) AS asked_through,
        arg_max(detail, (window_end, seq)) AS detail,
        arg_max(json_extract_string(detail, '$.exported_through')::TIMESTAMP, seq)
            FILTER (WHERE json_exists(detail, '$.exported_through')) AS exported_through
    FROM "fetch"
    WHERE source <> 'vertex_budget'
    GROUP BY source, account, provider
),

days AS (
    SELECT
        coverage.source,
        coverage.account,
        count(*) FILTER (WHERE coverage.state = 'complete') AS complete,
        count(*) FILTER (WHERE coverage.state = 'partial') AS partial,
        count(*) FILTER (WHERE coverage.state = 'failed') AS failed,
        count(*) FILTER (WHERE coverage.state = 'not_due') AS not_due,
        min(coverage.day) FILTER (WHERE coverage.state IN ('complete', 'partial')) AS first_day,
        max(coverage.day) FILTER (WHERE coverage.state IN ('complete', 'partial')) AS last_day,
        arg_max(coverage.last_read_at, coverage.day)
            FILTER (WHERE coverage.state IN ('complete', 'partial')) AS last_complete_at,
        arg_max(read.seq, coverage.day)
            FILTER (WHERE coverage.state IN ('complete', 'partial')) AS last_complete_seq,
        count(*) FILTER (
            WHERE coverage.finality <> 'open' AND json_exists(coverage.detail, '$.control_usd')
        ) AS disagreeing,
        count(*) FILTER (WHERE json_exists(coverage.detail, '$.last_attempt')) AS refused,
        count(*) FILTER (
            WHERE contains(json_extract_string(coverage.detail, '$.control_unreadable'), coverage.day::VARCHAR)
        ) AS unchecked,
        count(*) FILTER (WHERE coverage.finality = 'open') AS open,
        count(*) FILTER (WHERE coverage.finality = 'provisional') AS provisional,
        count(*) FILTER (WHERE coverage.finality = 'settled') AS settled,
        count(*) FILTER (
            WHERE coverage.state = 'not_due' AND read.started_at >= coverage.day + INTERVAL 30 HOUR
        ) AS overdue
    FROM coverage
    LEFT JOIN "fetch" AS read ON coverage.fetch_id = read.fetch_id
    GROUP BY coverage.source, coverage.account
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
    days.last_complete_at,
    (
        SELECT count(DISTINCT coalesce(failing.run_id, failing.fetch_id)) FROM "fetch" AS failing
        WHERE
            failing.source = newest.source
            AND failing.account = newest.account
            AND failing.state = 'failed'
            AND failing.error_class IS DISTINCT FROM 'out_of_budget'
            AND failing.seq > coalesce(days.last_complete_seq, 0)
            AND failing.window_end
            >= greatest(days.last_day, least(newest.asked_through, failing.started_at::DATE) - 1)
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
    ) AS restatements,
    coalesce(days.disagreeing, 0) AS disagreeing,
    coalesce(days.refused, 0) AS refused,
    coalesce(days.unchecked, 0) AS unchecked,
    coalesce(days.overdue, 0) AS overdue,
    newest.asked_through,
    json_extract_string(newest.detail, '$.read_as') AS read_as,
    json_extract_string(newest.detail, '$.billing_account') AS billing_account,
    newest.exported_through,
    coalesce(days.open, 0) AS open,
    coalesce(days.provisional, 0) AS provisional,
    coalesce(days.settled, 0) AS settled
FROM newest
LEFT JOIN days ON newest.source = days.source AND newest.account = days.account
ORDER BY newest.source, newest.account
