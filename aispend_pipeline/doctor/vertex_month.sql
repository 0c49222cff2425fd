-- What one billing account is billed for AI in some days, by currency, net of credits: what is stored of them is held
-- against it. Which lines count, and how they are rounded, is as in sources/vertex_lines.sql.
WITH lines AS (
    SELECT
        currency,
        cost AS gross,
        IFNULL((SELECT SUM(given.amount) FROM UNNEST(credits) AS given), 0.0) AS credit
    FROM `{table}`
    WHERE
        {partition_filter}
        usage_start_time >= @usage_from
        AND usage_start_time < @usage_to
        AND IFNULL(billing_account_id, '') = @billing_account_id
        AND cost_type IN UNNEST(@cost_types)
        AND ({is_ai})
)

SELECT
    UPPER(currency) AS currency_code,
    SUM(CAST(ROUND(gross * 1000000000) AS INT64) + CAST(ROUND(credit * 1000000000) AS INT64)) AS net_nanos,
    COUNT(*) AS source_rows
FROM lines
GROUP BY currency_code
ORDER BY currency_code
