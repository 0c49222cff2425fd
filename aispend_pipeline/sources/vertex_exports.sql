-- Which billing accounts the table has rows of, of whatever service, and when the newest of each was exported: days
-- after that are not known yet.
SELECT
    IFNULL(billing_account_id, '') AS account_id,
    MAX(export_time) AS last_export_time,
    COUNT(*) AS rows_seen
FROM `{table}`
WHERE
    {partition_filter}
    export_time IS NOT NULL
GROUP BY account_id
ORDER BY account_id
