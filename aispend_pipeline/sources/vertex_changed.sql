-- The days of which rows were exported after @watermark, however old they are: corrections come late, as new rows.
SELECT
    DATE(usage_start_time, @report_tz) AS usage_day,
    COUNT(*) AS new_rows,
    MAX(export_time) AS last_export_time
FROM `{table}`
WHERE
    {partition_filter}
    export_time > @watermark
    AND ({is_ai})
GROUP BY usage_day
ORDER BY usage_day
