-- The keys behind each billed line: use of the same day, model, token type (with its lifetime), tier, context, place
-- and workspace, at list price or, where some of it has none, by its tokens. A key of none is the console's.
CREATE TEMP TABLE keys_of_lines AS
WITH of_keys AS (
    SELECT
        day,
        account,
        provider,
        shown_as,
        token_type,
        CASE meter WHEN 'cache_write' THEN '5m' WHEN 'cache_write_1h' THEN '1h' END AS cache_lifetime,
        project_id,
        service_tier,
        context_window,
        location,
        api_key_id,
        sum(list_usd) AS usd,
        sum(quantity) AS quantity,
        bool_and(list_usd IS NOT NULL) AS is_priced
    FROM estimate
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
),

used AS (
    SELECT
        lines.id,
        coalesce(of_keys.api_key_id, '') AS part,
        sum(of_keys.usd)::DECIMAL(38, 12) AS usd,
        sum(of_keys.quantity)::DECIMAL(38, 12) AS quantity,
        bool_and(of_keys.is_priced) AS is_priced
    FROM lines_to_allocate AS lines
    INNER JOIN of_keys
        ON
            lines.day = of_keys.day
            AND lines.account = of_keys.account
            AND lines.provider = of_keys.provider
            AND lines.model IS NOT DISTINCT FROM of_keys.shown_as
            AND lines.token_type = of_keys.token_type
            AND (lines.cache_lifetime IS NULL OR lines.cache_lifetime = of_keys.cache_lifetime)
            AND lines.project_id IS NOT DISTINCT FROM of_keys.project_id
            AND (lines.service_tier IS NULL OR lines.service_tier = of_keys.service_tier)
            AND (
                lines.context_window IS NULL
                OR of_keys.context_window IS NULL
                OR lines.context_window = of_keys.context_window
            )
            AND (
                lines.location IS NULL
                OR of_keys.location IS NULL
                OR of_keys.location = 'not_available'
                OR lines.location = of_keys.location
            )
    GROUP BY ALL
)

SELECT
    id,
    part,
    CASE WHEN bool_and(is_priced) OVER (PARTITION BY id) THEN usd ELSE quantity END AS weight
FROM used
