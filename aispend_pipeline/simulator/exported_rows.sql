-- Add the rows `exported` to the billing export, each in the partition of the Pacific day of its export.
INSERT INTO billing_export
SELECT
    exported.* REPLACE (
        date_trunc('day', export_time AT TIME ZONE 'America/Los_Angeles') AT TIME ZONE 'UTC' AS _PARTITIONTIME
    )
FROM exported
