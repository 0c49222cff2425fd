-- The sums of days, or of hours, as lines to add up.
SELECT
    * RENAME (billed_usd AS usd, "rows" AS n),
    NULL::DECIMAL(38, 18) AS allocated_usd,
    NULL::DECIMAL(38, 9) AS quantity,
    NULL::VARCHAR AS counted
FROM {sums}
