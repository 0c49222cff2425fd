-- For each model that is measured on a day: the model of the day's bill it is shown under. The two books date one
-- model differently, in both directions. The same name is the same model; else a dated and an undated name are that
-- are alike without the date, if the bill has just one of them. Two dates are two models. OpenAI's bill leaves the owner
-- out of the name of a tuned model (ft-gpt-4o-2024-08-06), and the number out of whisper-1.
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

spelt AS (
    SELECT DISTINCT
        account,
        provider,
        day,
        model,
        CASE
            WHEN provider = 'openai' AND model = 'whisper-1' THEN 'whisper'
            WHEN provider = 'openai' AND model LIKE 'ft:%' THEN 'ft-' || split_part(model, ':', 2)
            ELSE model
        END AS as_billed
    FROM usage
    WHERE day BETWEEN $first AND $last
),

measured AS (
    SELECT *, regexp_replace(as_billed, '-\d{4}-\d{2}-\d{2}$', '') AS undated
    FROM spelt
)

SELECT
    measured.account,
    measured.provider,
    measured.day,
    measured.model,
    CASE
        WHEN count(*) FILTER (WHERE billed.model = measured.model) = 0
            AND count(*) FILTER (WHERE billed.model = measured.as_billed) = 1
            THEN measured.as_billed
        WHEN count(*) FILTER (WHERE billed.model = measured.model) = 0 AND count(billed.model) = 1
            AND (any_value(billed.model) = measured.undated OR measured.as_billed = measured.undated)
            THEN any_value(billed.model)
        ELSE measured.model
    END AS shown_as
FROM measured
LEFT JOIN billed USING (account, provider, day, undated)
WHERE measured.model IS NOT NULL
GROUP BY measured.account, measured.provider, measured.day, measured.model, measured.as_billed, measured.undated
ORDER BY measured.day, measured.provider, measured.account, measured.model
