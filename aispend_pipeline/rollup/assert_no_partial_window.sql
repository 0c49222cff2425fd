-- Answers in use whose fetch lost pages, or whose day has rows of another fetch.
SELECT used.source || ' ' || used.account || ' ' || used.day || ': ' || count(spend.fetch_id) || ' rows of a fetch that is not whole'
FROM answers_in_use AS used
INNER JOIN "fetch" AS read ON used.fetch_id = read.fetch_id
LEFT JOIN (SELECT fetch_id, count(*) AS n FROM page GROUP BY fetch_id) AS stored ON used.fetch_id = stored.fetch_id
LEFT JOIN spend
    ON
        used.source = spend.source
        AND used.account = spend.account
        AND used.day = spend.day
        AND spend.day BETWEEN $first AND $last
WHERE
    used.usable
    AND (
        spend.fetch_id <> used.fetch_id
        OR read.state <> 'complete'
        OR stored.n IS DISTINCT FROM read.pages
    )
GROUP BY used.source, used.account, used.day
