-- From which day to which there is anything of what stands beside groups, and most days have nothing of.
SELECT
    'restated' AS what,
    min(day) AS "first",
    max(day) AS "last"
FROM restatement
UNION ALL
SELECT
    'unpriced' AS what,
    min(day) AS "first",
    max(day) AS "last"
FROM unpriced_daily
UNION ALL
SELECT
    'unconverted' AS what,
    min(day) AS "first",
    max(day) AS "last"
FROM unconverted_daily
