-- Which billing accounts have lines for AI of the days: one that has left is not among those of the newest exports.
SELECT DISTINCT IFNULL(billing_account_id, '') AS account_id
FROM `{table}`
WHERE
    {partition_filter}
    usage_start_time >= @usage_from
    AND usage_start_time < @usage_to
    AND ({is_ai})
ORDER BY account_id
