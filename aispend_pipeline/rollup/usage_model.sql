-- For each model that is measured on a day: the model of the day's bill it is shown under. The two books date one
-- model differently, in both directions. The same name is the same model; else a dated and an undated name are that
-- are alike without the date, if the bill has just one of them. Two dates are two models.
INSERT INTO usage_model BY NAME
WITH billed AS (
    SELECT DISTINCT
        account,
        provider,
        day,
        model,
        regexp_replace(model, '-\d{4}-\d{2}-\d{2}$', '') AS undated
    FROM spend
    WHERE day BETWEEN $first AND $last
),

measured AS (
    SELECT DISTINCT
        account,
        provider,
        day,
        model,
        regexp_replace(model, '-\d{4}-\d{2}-\d{2}$', '') AS undated
    FROM usage
    WHERE day BETWEEN $first AND $last
)

SELECT
    measured.account,
    measured.provider,
    measured.day,
    measured.model,
    CASE
        WHEN count(*) FILTER (WHERE billed.model = measured.model) = 0 AND count(billed.model) = 1
            AND (any_value(billed.model) = measured.undated OR measured.model = measured.undated)
            THEN any_value(billed.model)
        ELSE measured.model
    END AS shown_as
FROM measured
LEFT JOIN billed USING (account, provider, day, undated)
WHERE measured.model IS NOT NULL
GROUP BY measured.account, measured.provider, measured.day, measured.model, measured.undated
ORDER BY measured.day, measured.provider, measured.account, measured.model
