-- Days of which nothing is left to do: read whole, settled, not refused since, and from the newest complete
-- answer there is.
-- An answer that was stored and never added up (its run died) makes its day due again.
SELECT
    coverage.source,
    coverage.account,
    coverage.day
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
