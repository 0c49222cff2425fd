-- Where the replaced days add up to something else than before.
CREATE TEMP TABLE changes AS
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
