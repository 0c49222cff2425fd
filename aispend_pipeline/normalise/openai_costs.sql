-- Book records of one page of OpenAI's costs.
-- A line's quantity is counted as given; the unit "1000_tokens" is turned into tokens here.
INSERT INTO spend BY NAME
SELECT
    $source AS source,
    $account AS account,
    $provider AS provider,
    records.day,
    records.charge_start,
    records.charge_end,
    strftime(records.day, '%Y-%m') AS invoice_month,
    CASE WHEN records.amount < 0 THEN 'Credit' ELSE 'Usage' END AS charge_category,
    records.model,
    nullif(records.project_id, '') AS project_id,
    nullif(records.api_key_id, '') AS api_key_id,
    records.line_item,
    NULL AS sku_id,
    records.token_type,
    records.service_tier,
    NULL AS location,
    records.quantity::DECIMAL(38, 9) * CASE WHEN records.unit = '1000_tokens' THEN 1000 ELSE 1 END AS quantity,
    CASE WHEN records.unit = '1000_tokens' THEN 'tokens' ELSE records.unit END AS unit,
    records.currency,
    records.amount,
    CASE WHEN records.currency = 'USD' THEN records.amount END AS amount_usd,
    $fetch_id AS fetch_id,
    $page_id AS page_id,
    records.row_no
FROM records
