-- What the days that are replaced add up to; asked before and after.
CREATE TEMP TABLE {table} AS
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
