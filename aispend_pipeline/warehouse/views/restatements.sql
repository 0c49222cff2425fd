-- What days that had been over were, and what they became when they were read again.
CREATE OR REPLACE VIEW restatements AS
SELECT
    "at", -- when the new sum was made, UTC
    day, -- UTC
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    source, -- the feed that it came by
    model, -- as the bill names it; null if it names none
    was_usd, -- billed before, USD
    is_usd, -- billed since, USD
    is_usd - was_usd AS change_usd, -- how much more that is
    fetch_id -- the fetch that told it, as in fetches
FROM restatement;
