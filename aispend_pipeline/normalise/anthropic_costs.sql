-- Book records of one page of Anthropic's cost report. Its rows have no quantity, and no key. What is no token is told
-- by the type of its cost.
-- The two lifetimes of cache writes are one token type here, and kept beside it.
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
    NULL AS api_key_id,
    records.line_item,
    NULL AS sku_id,
    CASE
        WHEN records.token_type IS NULL THEN nullif(nullif(records.cost_type, ''), 'tokens')
        WHEN records.token_type = 'uncached_input_tokens' THEN 'input'
        WHEN records.token_type = 'cache_read_input_tokens' THEN 'cached_input'
        WHEN records.token_type LIKE 'cache\_creation.%' ESCAPE '\' THEN 'cache_write'
        WHEN records.token_type = 'output_tokens' THEN 'output'
        ELSE records.token_type
    END AS token_type,
    CASE records.token_type
        WHEN 'cache_creation.ephemeral_5m_input_tokens' THEN '5m'
        WHEN 'cache_creation.ephemeral_1h_input_tokens' THEN '1h'
    END AS cache_lifetime,
    records.service_tier,
    records.context_window,
    records.location,
    NULL AS quantity,
    NULL AS unit,
    records.currency,
    records.amount,
    CASE WHEN records.currency = 'USD' THEN records.amount END AS amount_usd,
    $fetch_id AS fetch_id,
    $page_id AS page_id,
    records.row_no
FROM records
