-- Days that are done: read whole, settled, not refused since, and from the newest complete answer there is; with
-- when they were last read, since providers correct some of them later.
-- An answer that was stored and never added up (its run died) makes its day due again.
-- A table that has several accounts is asked for together: its day is done if it is for all of them.
WITH done AS (
    SELECT
        coverage.source,
        coalesce(json_extract_string(coverage.detail, '$.read_as'), coverage.account) AS account,
        coverage.day,
        coverage.last_read_at
    FROM coverage
    WHERE
        coverage.state = 'complete'
        AND coverage.finality = 'settled'
        AND NOT json_exists(coverage.detail, '$.last_attempt')
        AND coverage.fetch_id = (
            SELECT arg_max(read.fetch_id, read.seq)
            FROM answer
            INNER JOIN "fetch" AS read ON answer.fetch_id = read.fetch_id
            WHERE
                read.state = 'complete'
                AND read.source = coverage.source
                AND read.account = coverage.account
                AND answer.day = coverage.day
        )
),

asked AS (
    SELECT
        source,
        coalesce(json_extract_string(detail, '$.read_as'), account) AS account,
        day,
        count(*) AS accounts
    FROM coverage
    GROUP BY ALL
)

SELECT
    done.source,
    done.account,
    done.day,
    min(done.last_read_at) AS last_read_at
FROM done
INNER JOIN asked USING (source, account, day)
GROUP BY done.source, done.account, done.day
HAVING count(*) = any_value(asked.accounts)
