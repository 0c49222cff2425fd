-- Lines of bills; of a bill that tells no keys, the parts of them that usage explains.
SELECT
    spend.* REPLACE (
        CASE WHEN allocated.row_no IS NULL THEN spend.api_key_id ELSE allocated.api_key_id END AS api_key_id
    ),
    coalesce(allocated.amount_usd, spend.amount_usd) AS usd,
    allocated.amount_usd AS allocated_usd
FROM spend
LEFT JOIN allocated
    ON
        spend.day = allocated.day
        AND spend.fetch_id = allocated.fetch_id
        AND spend.page_id = allocated.page_id
        AND spend.row_no = allocated.row_no
