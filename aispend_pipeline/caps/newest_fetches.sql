-- The newest fetch, of a bill or of usage, that each provider's day is known from.
SELECT
    coverage.provider,
    coverage.day,
    max(read.seq) AS seq
FROM coverage
INNER JOIN "fetch" AS read ON coverage.fetch_id = read.fetch_id
WHERE coverage.day BETWEEN $first AND $last AND coverage.state IN ('complete', 'partial')
GROUP BY coverage.provider, coverage.day
