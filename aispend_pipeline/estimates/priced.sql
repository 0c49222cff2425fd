-- What was measured, at list price. A count that no price list was made for has none.
CREATE TEMP TABLE priced AS
SELECT
    measured.*,
    bills.bill,
    rates.token_type,
    CASE WHEN measured.quantity < 1000000000000000 THEN rates.unit_usd END AS unit_usd,
    CASE WHEN measured.quantity < 1000000000000000 THEN rates.why ELSE 'more than any price is for' END AS why,
    CASE WHEN rates.unit_usd IS NOT NULL THEN rates.price_list END AS price_list,
    CASE WHEN measured.quantity < 1000000000000000 THEN measured.quantity::DECIMAL(18, 0) END
    * rates.unit_usd::DECIMAL(20, 18) AS list_usd
FROM measured
INNER JOIN bills USING (account, provider, day)
INNER JOIN rates
    ON
        measured.provider = rates.provider
        AND measured.day = rates.day
        AND measured.kind = rates.kind
        AND measured.model IS NOT DISTINCT FROM rates.model
        AND measured.service_tier IS NOT DISTINCT FROM rates.service_tier
        AND measured.context_window IS NOT DISTINCT FROM rates.context_window
        AND measured.location IS NOT DISTINCT FROM rates.location
        AND measured.split = rates.split
        AND measured.meter = rates.meter
