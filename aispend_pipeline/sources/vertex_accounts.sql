-- Which billing accounts have lines for AI of the days: one that has left is not among those of the newest exports.
SELECT DISTINCT IFNULL(billing_account_id, '') AS account_id
FROM `{table}`
WHERE
    {partition_filter}
    usage_start_time >= @usage_from
    AND usage_start_time < @usage_to
    AND (
        service.id IN UNNEST(@service_ids)
        OR REGEXP_CONTAINS(LOWER(TRIM(service.description)), @service_pattern)
        OR (
            service.id IN UNNEST(@mixed_service_ids)
            AND REGEXP_CONTAINS(LOWER(TRIM(sku.description)), @mixed_sku_pattern)
        )
        {or_tax}
    )
ORDER BY account_id
