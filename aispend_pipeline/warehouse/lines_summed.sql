-- How many billed lines there are, and their USD.
SELECT
    count(*) AS lines,
    sum(usd) AS usd
FROM ({lines})
