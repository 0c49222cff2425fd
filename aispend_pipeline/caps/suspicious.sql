-- Every complete answer, in the order of storing, of the days whose figure in use is far below one that was given
-- before: by more than half of it, and by more than a dollar. Most of the time there is no such day. Answers that are
-- newer than the one in use are not in the sums yet.
WITH said AS (
    SELECT
        read.source,
        read.account,
        answer.day,
        read.seq,
        read.started_at AS "at",
        answer.rows_usd AS usd
    FROM answer
    INNER JOIN "fetch" AS read ON answer.fetch_id = read.fetch_id
    WHERE
        answer.day BETWEEN $first AND $last
        AND list_contains($sources, read.source)
        AND read.state = 'complete'
        AND read.window_end >= $first
        AND read.window_start <= $last
),

in_use AS (
    SELECT
        coverage.source,
        coverage.account,
        coverage.day,
        read.seq
    FROM coverage
    INNER JOIN "fetch" AS read ON coverage.fetch_id = read.fetch_id
    WHERE coverage.day BETWEEN $first AND $last AND coverage.state IN ('complete', 'partial')
),

fallen AS (
    SELECT
        said.source,
        said.account,
        said.day,
        in_use.seq,
        arg_max(said.usd, said.seq) AS newest,
        max(said.usd) AS highest
    FROM said
    INNER JOIN in_use
        ON
            said.source = in_use.source
            AND said.account = in_use.account
            AND said.day = in_use.day
            AND said.seq <= in_use.seq
    GROUP BY said.source, said.account, said.day, in_use.seq
    HAVING newest + newest < highest + highest - abs(highest) AND newest < highest - 1
)

SELECT
    said.source,
    said.account,
    said.day,
    said."at",
    said.usd
FROM said
INNER JOIN fallen
    ON
        said.source = fallen.source
        AND said.account = fallen.account
        AND said.day = fallen.day
        AND said.seq <= fallen.seq
ORDER BY said.source, said.account, said.day, said.seq
