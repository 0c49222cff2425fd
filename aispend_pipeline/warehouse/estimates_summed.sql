-- How many lines of the estimate count, and what they count with.
SELECT
    count(*) AS lines,
    sum(counted_usd) AS usd
FROM ({estimates})
