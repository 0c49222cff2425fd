-- What was used on the window's days that a bill will list, by meter: one line for each meter of a row of usage.
-- Tokens of audio and images are parts of those beside them, and are taken out of these.
CREATE TEMP TABLE measured AS
WITH metered AS (
    SELECT
        usage.source,
        usage.account,
        usage.provider,
        usage.day,
        usage.bucket_start,
        usage.kind,
        usage.model,
        usage.project_id,
        usage.api_key_id,
        usage.service_tier,
        usage.context_window,
        usage.location,
        usage.output_audio_tokens IS NOT NULL OR usage.input_audio_tokens IS NOT NULL AS split,
        usage.fetch_id,
        usage.page_id,
        usage.row_no,
        unnest([
            {
                'meter': 'input',
                'quantity': greatest(
                    0,
                    usage.input_tokens - coalesce(usage.input_audio_tokens, 0) - coalesce(usage.input_image_tokens, 0)
                )
            },
            {'meter': 'input_audio', 'quantity': usage.input_audio_tokens},
            {'meter': 'input_image', 'quantity': usage.input_image_tokens},
            {
                'meter': 'cached_input',
                'quantity': greatest(
                    0,
                    usage.cached_input_tokens - coalesce(usage.cached_input_audio_tokens, 0)
                    - coalesce(usage.cached_input_image_tokens, 0)
                )
            },
            {'meter': 'cached_input_audio', 'quantity': usage.cached_input_audio_tokens},
            {'meter': 'cached_input_image', 'quantity': usage.cached_input_image_tokens},
            {'meter': 'cache_write', 'quantity': usage.cache_write_tokens - coalesce(usage.cache_write_1h_tokens, 0)},
            {'meter': 'cache_write_1h', 'quantity': usage.cache_write_1h_tokens},
            {
                'meter': 'output',
                'quantity': greatest(
                    0,
                    usage.output_tokens - coalesce(usage.output_audio_tokens, 0)
                    - coalesce(usage.output_image_tokens, 0)
                )
            },
            {'meter': 'output_audio', 'quantity': usage.output_audio_tokens},
            {'meter': 'output_image', 'quantity': usage.output_image_tokens},
            {
                'meter': CASE usage.kind
                    WHEN 'messages' THEN 'web_search'
                    WHEN 'web_search_calls' THEN 'web_search'
                    WHEN 'audio_speeches' THEN 'character'
                    WHEN 'audio_transcriptions' THEN 'second'
                END,
                'quantity': usage.quantity
            }
        ], recursive := true)
    FROM usage
    WHERE usage.priced AND usage.day BETWEEN $first AND $last
)

SELECT
    metered.*,
    CASE WHEN metered.meter <> 'web_search' THEN usage_model.shown_as END AS shown_as
FROM metered
LEFT JOIN usage_model USING (day, account, provider, model)
WHERE metered.meter IS NOT NULL AND metered.quantity > 0
