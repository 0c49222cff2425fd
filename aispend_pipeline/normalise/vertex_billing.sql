-- Book records of one page of Google's bill. Amounts are net of credits, which are kept beside them.
-- Embeddings read their input and give no output: what they are billed for is input. An invoice month that is none
-- is the day's own.
INSERT INTO spend BY NAME
SELECT
    $source AS source,
    $account AS account,
    $provider AS provider,
    records.day,
    records.charge_start,
    records.charge_end,
    CASE
        WHEN regexp_full_match(records.invoice_month, '20[0-9]{2}(0[1-9]|1[0-2])')
            THEN records.invoice_month[:4] || '-' || records.invoice_month[5:]
        ELSE strftime(records.day, '%Y-%m')
    END AS invoice_month,
    CASE
        WHEN records.cost_type = 'regular' AND records.amount < 0 THEN 'Credit'
        WHEN records.cost_type = 'regular' THEN 'Usage'
        WHEN records.cost_type = 'tax' THEN 'Tax'
        ELSE 'Adjustment'
    END AS charge_category,
    records.model,
    nullif(records.project_id, '') AS project_id,
    NULL AS api_key_id,
    nullif(records.line_item, '') AS line_item,
    nullif(records.sku_id, '') AS sku_id,
    CASE WHEN records.token_type = 'embedding' THEN 'input' ELSE records.token_type END AS token_type,
    records.service_tier,
    records.context_window,
    nullif(records.location, '') AS location,
    records.quantity,
    nullif(records.unit, '') AS unit,
    records.currency,
    records.amount,
    records.amount_usd,
    records.credit_amount,
    records.credit_usd,
    $fetch_id AS fetch_id,
    $page_id AS page_id,
    records.row_no
FROM records
