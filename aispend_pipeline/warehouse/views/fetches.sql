-- Attempts to read some days of a feed: whole, or failed and then no figure rests on it.
CREATE OR REPLACE VIEW fetches AS
SELECT
    fetch_id, -- own id
    source, -- the feed
    account, -- the name under which its key is set
    provider, -- openai, anthropic or vertex
    window_start AS first_day, -- first day asked for, UTC
    window_end AS last_day, -- last day asked for, included
    state, -- complete or failed
    started_at, -- before its first request, UTC
    finished_at, -- after its last answer, UTC
    pages, -- how many came
    error_class, -- why it failed, in a word
    error, -- why it failed
    run_id -- Dagster's; null if it was read by hand
FROM "fetch";
