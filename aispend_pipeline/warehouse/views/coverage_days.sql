-- What is known of every day of every feed: a day that is not whole is missing, which is not zero.
CREATE OR REPLACE VIEW coverage_days AS
WITH bounds AS (
    SELECT
        (SELECT min(day) FROM coverage) AS first_day,
        greatest((SELECT max(day) FROM coverage), (SELECT max(committed_at)::DATE FROM store_meta)) AS last_day,
        (SELECT max(committed_at)::DATE FROM store_meta) AS today
),

feeds AS (SELECT DISTINCT provider, account, source FROM coverage),

days AS (
    SELECT
        feeds.*,
        unnest(generate_series(bounds.first_day, bounds.last_day, INTERVAL 1 DAY))::DATE AS day,
        bounds.today
    FROM feeds
    CROSS JOIN bounds
)

SELECT
    days.day, -- UTC
    days.provider, -- openai, anthropic or vertex
    days.account, -- the name under which its key is set
    days.source, -- the feed
    coalesce(known.state, 'not_due') AS state, -- complete, partial (some records are quarantined), failed, not_due
    known.finality, -- open (it was still running), provisional (may still change), settled; null if never read
    coalesce(
        known.state = 'complete' AND NOT (known.finality = 'open' AND days.day < days.today), false
    ) AS whole, -- whether all of it was read, as far as there is anything yet
    known.last_read_at, -- UTC; null if never read
    coalesce(known.detail, '{"reason": "never asked for"}') AS detail, -- what else there is to say, as JSON
    known.fetch_id -- the fetch in use for its day, as in fetches
FROM days
LEFT JOIN coverage AS known
    ON
        days.day = known.day
        AND days.provider = known.provider
        AND days.account = known.account
        AND days.source = known.source;
