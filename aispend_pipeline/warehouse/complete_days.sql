-- Days that are done: read whole, settled, not refused since, and from the newest complete answer there is; with
-- when they were last read, since providers correct some of them later.
-- An answer that was stored and never added up (its run died) makes its day due again.
-- Accounts that are read together (`beside`) are done together: only the one that asks is asked for again.
WITH done AS (
    SELECT
        coverage.source,
        coverage.account,
        coverage.day,
        coverage.last_read_at,
        from_json(coalesce(coverage.detail -> '$.beside', '[]'), '["VARCHAR"]') AS beside
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
)

SELECT
    source,
    account,
    day,
    last_read_at
FROM done
WHERE
    NOT EXISTS (
        SELECT 1
        FROM (SELECT unnest(done.beside) AS account) AS other
        WHERE
            NOT EXISTS (
                SELECT 1 FROM done AS also
                WHERE also.source = done.source AND also.day = done.day AND also.account = other.account
            )
    )
