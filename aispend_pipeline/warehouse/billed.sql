-- Lines of bills as they are.
SELECT
    *,
    amount_usd AS usd,
    NULL::DECIMAL(38, 18) AS allocated_usd
FROM spend
