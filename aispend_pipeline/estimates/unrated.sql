-- What was measured and has no price yet.
SELECT DISTINCT
    measured.provider,
    measured.day,
    measured.kind,
    measured.model,
    measured.service_tier,
    measured.context_window,
    measured.location,
    measured.split,
    measured.meter
FROM measured
WHERE
    NOT EXISTS (
        SELECT 1 FROM rates
        WHERE
            rates.provider = measured.provider
            AND rates.day = measured.day
            AND rates.kind = measured.kind
            AND rates.model IS NOT DISTINCT FROM measured.model
            AND rates.service_tier IS NOT DISTINCT FROM measured.service_tier
            AND rates.context_window IS NOT DISTINCT FROM measured.context_window
            AND rates.location IS NOT DISTINCT FROM measured.location
            AND rates.split = measured.split
            AND rates.meter = measured.meter
    )
