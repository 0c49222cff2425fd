-- Keep records of one page of OpenAI's usage.
-- All input is cached, cache writes and uncached together; older answers lack the last, which then is what remains.
-- A batch is a tier of its own here, as it is on the bill.
INSERT INTO usage BY NAME
SELECT
    $source AS source,
    $account AS account,
    $provider AS provider,
    records.day,
    records.bucket_start,
    records.bucket_end,
    records.kind,
    nullif(records.model, '')[:200] AS model,
    nullif(records.project_id, '') AS project_id,
    nullif(records.api_key_id, '') AS api_key_id,
    CASE WHEN records.batch THEN 'batch' ELSE nullif(records.service_tier, '') END AS service_tier,
    NULL AS context_window,
    true AS priced,
    CASE
        WHEN records.input_uncached_tokens IS NOT NULL THEN records.input_uncached_tokens
        WHEN records.input_tokens IS NOT NULL
            THEN greatest(
                0,
                records.input_tokens::DECIMAL(38, 0) - coalesce(records.input_cached_tokens, 0)
                - coalesce(records.input_cache_write_tokens, 0)
            )
    END AS input_tokens,
    records.input_cached_tokens AS cached_input_tokens,
    records.input_cache_write_tokens AS cache_write_tokens,
    NULL AS cache_write_5m_tokens,
    NULL AS cache_write_1h_tokens,
    records.output_tokens,
    records.input_audio_tokens,
    records.input_image_tokens,
    records.input_cached_audio_tokens AS cached_input_audio_tokens,
    records.input_cached_image_tokens AS cached_input_image_tokens,
    records.output_audio_tokens,
    records.output_image_tokens,
    records.num_model_requests AS requests,
    records.quantity,
    records.unit,
    $fetch_id AS fetch_id,
    $page_id AS page_id,
    records.row_no
FROM records
