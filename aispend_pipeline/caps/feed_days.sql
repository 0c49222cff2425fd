-- What is known of every day of the cost feeds: its state, when the answer in use was asked for (or, where there is
-- none, when the day was last asked for), and that fetch's place in the order of storing.
SELECT
    coverage.source,
    coverage.account,
    coverage.provider,
    coverage.day,
    coverage.state,
    coverage.finality,
    read.started_at AS asked_at,
    read.seq
FROM coverage
INNER JOIN "fetch" AS read ON coverage.fetch_id = read.fetch_id
WHERE list_contains($sources, coverage.source) AND coverage.day BETWEEN $first AND $last
