-- The days of which rows were exported after @watermark, however old they are: corrections come late, as new rows.
SELECT
    DATE(usage_start_time, @report_tz) AS usage_day,
    COUNT(*) AS new_rows,
    MAX(export_time) AS last_export_time
FROM `{table}`
WHERE
    {partition_filter}
    export_time > @watermark
    AND (
        service.id IN UNNEST(@service_ids)
        OR REGEXP_CONTAINS(LOWER(TRIM(service.description)), @service_pattern)
        OR (
            service.id IN UNNEST(@mixed_service_ids)
            AND REGEXP_CONTAINS(LOWER(TRIM(sku.description)), @mixed_sku_pattern)
        )
        {or_tax}
    )
GROUP BY usage_day
ORDER BY usage_day
