-- Days that are not whole in the store although they were: by what is lacking, whose, how many, first and last.
-- `sums`: the day's sums are not those of its rows. `rows`: its rows do not add up to what was read and is in use; of
-- days with an amount that is quarantined that cannot be told.
-- `pages`: pages, or bodies of pages, of what is in use are gone. Pages of a whole fetch expire, oldest first; so those
-- are lost that came over a day after some that are still there.
WITH booked AS (
    SELECT
        source,
        provider,
        account,
        day,
        sum(amount_usd) AS usd,
        count(*) AS n
    FROM spend
    GROUP BY ALL
),

unsummed AS (
    SELECT provider, account, day
    FROM (
        SELECT provider, account, day, usd, n FROM booked
        UNION ALL
        SELECT provider, account, day, -billed_usd AS usd, -"rows" AS n FROM spend_daily
    )
    GROUP BY ALL
    HAVING coalesce(sum(usd), 0) <> 0 OR sum(n) <> 0
    UNION
    SELECT provider, account, day
    FROM (
        SELECT provider, account, day, currency, amount FROM spend WHERE amount_usd IS NULL AND amount <> 0
        UNION ALL
        SELECT provider, account, day, currency, -amount AS amount FROM unconverted_daily
    )
    GROUP BY provider, account, day, currency
    HAVING sum(amount) <> 0
),

in_use AS (
    SELECT source, account, day, fetch_id
    FROM coverage
    WHERE state IN ('complete', 'partial')
),

unbooked AS (
    SELECT in_use.source, in_use.account, in_use.day
    FROM in_use
    INNER JOIN answer ON in_use.fetch_id = answer.fetch_id AND in_use.day = answer.day
    LEFT JOIN booked
        ON in_use.source = booked.source AND in_use.account = booked.account AND in_use.day = booked.day
    WHERE answer.agrees IS NOT NULL AND abs(coalesce(booked.usd, 0) - answer.rows_usd) > 0.000001
),

kept AS (
    SELECT page.fetch_id, count(*) AS n, count(body.sha256) AS bodies
    FROM page
    LEFT JOIN body ON page.body_sha256 = body.sha256
    GROUP BY page.fetch_id
),

read AS (
    SELECT used.fetch_id, known.finished_at, known.pages, kept.n, kept.bodies
    FROM (SELECT DISTINCT fetch_id FROM in_use) AS used
    LEFT JOIN "fetch" AS known ON used.fetch_id = known.fetch_id
    LEFT JOIN kept ON used.fetch_id = kept.fetch_id
),

unread AS (
    SELECT fetch_id
    FROM read
    WHERE
        pages IS NULL
        OR n < pages
        OR bodies < n
        OR (n IS NULL AND finished_at > (SELECT min(finished_at) FROM read WHERE n IS NOT NULL) + INTERVAL 1 DAY)
),

lacking AS (
    SELECT 'sums' AS what, provider AS of, account, day FROM unsummed
    UNION ALL
    SELECT 'rows' AS what, source AS of, account, day FROM unbooked
    UNION ALL
    SELECT 'pages' AS what, source AS of, account, day FROM in_use WHERE fetch_id IN (SELECT fetch_id FROM unread)
)

SELECT what, of, account, count(DISTINCT day), min(day), max(day)
FROM lacking
GROUP BY what, of, account
ORDER BY what DESC, of, account
