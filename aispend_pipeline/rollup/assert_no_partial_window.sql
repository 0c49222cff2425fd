-- Rows that do not come from a complete fetch's own answer for their day, or whose fetch lost pages.
SELECT spend.source || ' ' || spend.account || ' ' || spend.day || ': ' || count(*) || ' rows of a fetch that is not whole'
FROM spend
LEFT JOIN answers_in_use AS used
    ON
        spend.source = used.source
        AND spend.account = used.account
        AND spend.day = used.day
LEFT JOIN "fetch" AS read ON used.fetch_id = read.fetch_id
LEFT JOIN (SELECT fetch_id, count(*) AS n FROM page GROUP BY fetch_id) AS stored ON used.fetch_id = stored.fetch_id
WHERE
    spend.day BETWEEN $first AND $last
    AND used.usable
    AND (
        spend.fetch_id <> used.fetch_id
        OR read.state <> 'complete'
        OR stored.n IS DISTINCT FROM read.pages
    )
GROUP BY spend.source, spend.account, spend.day
