-- The bill of one billing account's days, one row for each meter, project, place and rate: every dimension that is
-- booked is grouped by, so that rows are unique and their order is fixed.
-- Amounts are billionths as integers: sums of floats would differ from run to run. Gross is before credits, which are
-- negative; dollars are an amount divided by its row's rate, and null where there is none (only USD needs none).
-- Identical lines are separate charges. A partition may be a day older than the usage it holds, or weeks younger.
WITH lines AS (
    SELECT
        DATE(usage_start_time, @report_tz) AS usage_day,
        service.id AS service_id,
        service.description AS service_description,
        sku.id AS sku_id,
        sku.description AS sku_description,
        project.id AS project_id,
        COALESCE(location.region, location.location) AS location,
        (SELECT MAX(label.value) FROM UNNEST(labels) AS label WHERE label.key = 'goog-generativelanguage-model')
            AS model_label,
        cost_type,
        transaction_type,
        seller_name,
        invoice.month AS invoice_month,
        currency,
        usage.unit AS usage_unit,
        usage.amount AS usage_amount,
        cost AS gross,
        IFNULL((SELECT SUM(given.amount) FROM UNNEST(credits) AS given), 0.0) AS credit,
        CASE
            WHEN currency_conversion_rate > 0 THEN currency_conversion_rate
            WHEN currency = 'USD' THEN 1.0
        END AS fx_rate,
        export_time
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
    usage_day,
    service_id,
    service_description,
    sku_id,
    sku_description,
    project_id,
    location,
    model_label,
    cost_type,
    transaction_type,
    seller_name,
    invoice_month,
    currency,
    usage_unit,
    SUM(usage_amount) AS usage_amount,
    SUM(CAST(ROUND(gross * 1000000000) AS INT64)) AS gross_nanos,
    SUM(CAST(ROUND(credit * 1000000000) AS INT64)) AS credit_nanos,
    SUM(CAST(ROUND(gross / fx_rate * 1000000000) AS INT64)) AS gross_usd_nanos,
    SUM(CAST(ROUND(credit / fx_rate * 1000000000) AS INT64)) AS credit_usd_nanos,
    COUNTIF(fx_rate IS NULL) AS fx_missing_rows,
    COUNT(*) AS source_rows,
    MAX(export_time) AS last_export_time
FROM lines
GROUP BY
    usage_day, service_id, service_description, sku_id, sku_description, project_id, location, model_label, cost_type,
    transaction_type, seller_name, invoice_month, currency, usage_unit, fx_rate IS NULL
ORDER BY
    usage_day, service_id, service_description, sku_id, sku_description, project_id, location, model_label, cost_type,
    transaction_type, seller_name, invoice_month, currency, usage_unit, fx_missing_rows
