-- Answers in use whose fetch lost pages, or whose day has rows of another fetch.
SELECT
    used.fetch_id,
    used.source || ' ' || used.account || ' ' || used.day || ': ' || coalesce(sum(booked.n), 0)
    || ' rows of a fetch that is not whole'
FROM answers_in_use AS used
INNER JOIN "fetch" AS read ON used.fetch_id = read.fetch_id
LEFT JOIN (SELECT fetch_id, count(*) AS n FROM page GROUP BY fetch_id) AS stored ON used.fetch_id = stored.fetch_id
LEFT JOIN (
    SELECT source, account, day, fetch_id, count(*) AS n
    FROM spend
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
    UNION ALL
    SELECT source, account, day, fetch_id, count(*) AS n
    FROM usage
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
) AS booked
    ON used.source = booked.source AND used.account = booked.account AND used.day = booked.day
WHERE
    used.usable
    AND (
        booked.fetch_id <> used.fetch_id
        OR read.state <> 'complete'
        OR stored.n IS DISTINCT FROM read.pages
    )
GROUP BY used.fetch_id, used.source, used.account, used.day
ORDER BY ALL
