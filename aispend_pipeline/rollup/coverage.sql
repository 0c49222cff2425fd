-- What is known of each day that any fetch asked for. A day keeps its newest complete answer however many attempts
-- failed since, and says why the last one did; one that was asked for and not answered is not due. Where the
-- newest answer's pages cannot be read any more, what is known already stands, as the rows do. Budgets are of no day.
INSERT INTO coverage BY NAME
WITH asked AS (
    SELECT
        read.source,
        read.account,
        read.provider,
        days.day::DATE AS day,
        arg_max(read.state, read.seq) AS state,
        arg_max(read.fetch_id, read.seq) AS fetch_id,
        arg_max_null(read.error, read.seq) AS error,
        arg_max(read.started_at, read.seq) AS started_at,
        max(read.seq) AS seq
    FROM "fetch" AS read
    INNER JOIN generate_series($first::DATE, $last::DATE, INTERVAL 1 DAY) AS days (day)
        ON days.day BETWEEN read.window_start AND read.window_end
    WHERE read.window_end >= $first AND read.window_start <= $last AND read.source <> 'vertex_budget'
    GROUP BY ALL
),

of_day AS (
    SELECT source, account, day, count(*) AS records
    FROM quarantine
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
)

SELECT
    asked.source,
    asked.account,
    asked.provider,
    asked.day,
    CASE
        WHEN used.fetch_id IS NULL AND asked.state = 'failed' THEN 'failed'
        WHEN used.fetch_id IS NULL THEN 'not_due'
        WHEN NOT used.usable THEN 'failed'
        WHEN of_day.records > 0 THEN 'partial'
        ELSE 'complete'
    END AS state,
    CASE
        WHEN used.fetch_id IS NULL OR NOT used.usable THEN NULL
        WHEN used.started_at < asked.day + INTERVAL 1 DAY THEN 'open'
        WHEN used.started_at <= asked.day + INTERVAL 3 DAY THEN 'provisional'
        ELSE 'settled'
    END AS finality,
    CASE WHEN used.usable THEN used.started_at END AS last_read_at,
    coalesce(used.fetch_id, asked.fetch_id) AS fetch_id,
    json_merge_patch(
        coalesce(used.detail, '{}'),
        '{"watermark": null, "read_as": null}',
        CASE
            WHEN used.agrees IS FALSE
                THEN json_object('rows_usd', used.rows_usd::VARCHAR, 'control_usd', used.control_usd::VARCHAR)
            ELSE '{}'
        END,
        CASE
            WHEN used.fetch_id IS NOT NULL AND asked.state = 'failed' AND asked.seq > used.seq
                THEN json_object('last_attempt', asked.error)
            WHEN used.fetch_id IS NOT NULL AND asked.state = 'complete' AND asked.started_at > used.started_at
                THEN json_object('last_attempt', 'the provider did not answer for all of this day')
            ELSE '{}'
        END,
        CASE WHEN of_day.records > 0 THEN json_object('quarantined', of_day.records) ELSE '{}' END,
        CASE WHEN used.fetch_id IS NULL AND asked.error IS NOT NULL THEN json_object('error', asked.error) ELSE '{}' END,
        CASE WHEN NOT used.usable THEN json_object('error', used.why) ELSE '{}' END,
        CASE
            WHEN used.fetch_id IS NULL AND asked.state = 'complete'
                THEN json_object('reason', 'the provider did not answer for all of this day')
            ELSE '{}'
        END
    ) AS detail
FROM asked
LEFT JOIN answers_in_use AS used
    ON asked.source = used.source AND asked.account = used.account AND asked.day = used.day
LEFT JOIN of_day
    ON asked.source = of_day.source AND asked.account = of_day.account AND asked.day = of_day.day
LEFT JOIN coverage AS known
    ON asked.source = known.source AND asked.account = known.account AND asked.day = known.day
WHERE known.day IS NULL
ORDER BY asked.source, asked.account, asked.day
