-- Keep records of one page of Anthropic's messages usage.
-- The cost report lists the tiers standard and batch and no others: what the others used is never priced there.
INSERT INTO usage BY NAME
SELECT
    $source AS source,
    $account AS account,
    $provider AS provider,
    records.day,
    records.bucket_start,
    records.bucket_end,
    'messages' AS kind,
    nullif(records.model, '')[:200] AS model,
    nullif(records.project_id, '') AS project_id,
    nullif(records.api_key_id, '') AS api_key_id,
    nullif(records.service_tier, '') AS service_tier,
    nullif(records.context_window, '') AS context_window,
    nullif(records.location, '') AS location,
    coalesce(records.service_tier, '') IN ('', 'standard', 'batch') AS priced,
    records.input_tokens,
    records.cached_input_tokens,
    records.cache_write_5m_tokens::DECIMAL(38, 0) + records.cache_write_1h_tokens::DECIMAL(38, 0) AS cache_write_tokens,
    records.cache_write_5m_tokens,
    records.cache_write_1h_tokens,
    records.output_tokens,
    NULL AS requests,
    records.web_searches AS quantity,
    CASE WHEN records.web_searches IS NOT NULL THEN 'web searches' END AS unit,
    $fetch_id AS fetch_id,
    $page_id AS page_id,
    records.row_no
FROM records
