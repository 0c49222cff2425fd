-- Days whose newest complete answer was stored and never added up: its run died, or ended before it came to that. An
-- answer that was set aside was looked at.
SELECT DISTINCT newest.day
FROM (
    SELECT
        read.source,
        read.account,
        answer.day,
        arg_max(read.fetch_id, read.seq) AS fetch_id,
        max(read.seq) AS seq
    FROM answer
    INNER JOIN "fetch" AS read ON answer.fetch_id = read.fetch_id
    WHERE read.state = 'complete'
    GROUP BY read.source, read.account, answer.day
) AS newest
LEFT JOIN coverage
    ON newest.source = coverage.source AND newest.account = coverage.account AND newest.day = coverage.day
WHERE
    coverage.day IS NULL
    OR (
        newest.fetch_id <> coverage.fetch_id
        AND newest.fetch_id IS DISTINCT FROM json_extract_string(coverage.detail, '$.set_aside')
    )
ORDER BY newest.day
