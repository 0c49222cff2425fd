-- What the replaced days add up to now, against what they had been.
CREATE TEMP TABLE changes AS
WITH sums_after AS (
    SELECT
        spend.source,
        spend.account,
        spend.provider,
        spend.day,
        spend.model,
        sum(spend.amount_usd) AS usd
    FROM spend
    INNER JOIN answers_in_use AS used
        ON spend.source = used.source AND spend.account = used.account AND spend.day = used.day
    WHERE
        spend.day BETWEEN $first AND $last
        AND used.usable
    GROUP BY ALL
)

SELECT
    coalesce(was.source, now.source) AS source,
    coalesce(was.account, now.account) AS account,
    coalesce(was.day, now.day) AS day,
    coalesce(was.provider, now.provider) AS provider,
    coalesce(was.model, now.model) AS model,
    coalesce(was.usd, 0) AS was_usd,
    coalesce(now.usd, 0) AS is_usd
FROM sums_before AS was
FULL OUTER JOIN sums_after AS now
    ON
        was.source = now.source
        AND was.account = now.account
        AND was.day = now.day
        AND was.model IS NOT DISTINCT FROM now.model
WHERE coalesce(was.usd, 0) <> coalesce(now.usd, 0)
