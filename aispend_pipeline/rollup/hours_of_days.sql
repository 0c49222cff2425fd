-- The hours in which each billed model of a day was used, and how much of it at list price.
CREATE TEMP TABLE hours_of_days AS
SELECT
    days_of_hours.id,
    date_trunc('hour', estimate.bucket_start) AS part,
    sum(estimate.list_usd) AS weight
FROM days_of_hours
INNER JOIN estimate
    ON
        days_of_hours.day = estimate.day
        AND days_of_hours.account = estimate.account
        AND days_of_hours.provider = estimate.provider
        AND days_of_hours.model = estimate.shown_as
WHERE estimate.list_usd > 0 AND estimate.day BETWEEN $first AND $last
GROUP BY ALL
