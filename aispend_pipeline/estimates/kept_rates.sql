-- The list prices that the window's estimates were made with: a day keeps its prices, whatever becomes of the list.
CREATE TEMP TABLE rates AS
SELECT
    provider,
    day,
    kind,
    model,
    service_tier,
    context_window,
    location,
    split,
    meter,
    any_value(token_type) AS token_type,
    any_value(unit_usd) AS unit_usd,
    NULL::VARCHAR AS why,
    any_value(price_list) AS price_list
FROM estimate
WHERE day BETWEEN $first AND $last AND unit_usd IS NOT NULL
GROUP BY provider, day, kind, model, service_tier, context_window, location, split, meter
