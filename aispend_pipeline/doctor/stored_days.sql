-- How many of one feed's days were read, and how many of them whole: whether its sums are all there.
SELECT
    count(*) FILTER (WHERE state IN ('complete', 'partial')) AS days_read,
    count(*) FILTER (WHERE state = 'complete') AS days_whole
FROM coverage
WHERE
    source = $source
    AND account = $account
    AND day BETWEEN $first AND $last
