-- The keys behind each billed line: use of the same day, model, token type (with its lifetime), tier, context, place
-- and workspace, at list price or, where some of it has none, by its tokens. A key of none is the console's.
CREATE TEMP TABLE keys_of_lines AS
WITH used AS (
    SELECT
        lines.id,
        coalesce(estimate.api_key_id, '') AS part,
        sum(estimate.list_usd)::DECIMAL(38, 12) AS usd,
        sum(estimate.quantity)::DECIMAL(38, 12) AS quantity,
        bool_and(estimate.list_usd IS NOT NULL) AS is_priced
    FROM lines_to_allocate AS lines
    INNER JOIN estimate
        ON
            lines.day = estimate.day
            AND lines.account = estimate.account
            AND lines.provider = estimate.provider
            AND lines.model IS NOT DISTINCT FROM estimate.shown_as
            AND lines.token_type = estimate.token_type
            AND (
                lines.cache_lifetime IS NULL
                OR lines.cache_lifetime = CASE estimate.meter WHEN 'cache_write' THEN '5m' WHEN 'cache_write_1h' THEN '1h' END
            )
            AND lines.project_id IS NOT DISTINCT FROM estimate.project_id
            AND (lines.service_tier IS NULL OR lines.service_tier = estimate.service_tier)
            AND (
                lines.context_window IS NULL
                OR estimate.context_window IS NULL
                OR lines.context_window = estimate.context_window
            )
            AND (
                lines.location IS NULL
                OR estimate.location IS NULL
                OR estimate.location = 'not_available'
                OR lines.location = estimate.location
            )
    WHERE estimate.day BETWEEN $first AND $last
    GROUP BY ALL
)

SELECT
    id,
    part,
    CASE WHEN bool_and(is_priced) OVER (PARTITION BY id) THEN usd ELSE quantity END AS weight
FROM used
