-- Usage that has neither a bill nor an estimate, and why.
CREATE OR REPLACE VIEW unpriced AS
SELECT
    day, -- UTC
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    service_tier, -- as the usage names it
    model, -- as the usage names it
    input_tokens, -- input that was not cached
    cached_input_tokens, -- read from a cache
    cache_write_tokens, -- written to a cache
    output_tokens, -- output
    other_units, -- of what is no token
    why, -- why no money is known for it
    never_billed -- whether no bill will ever list it; else it is only not billed yet, and has no list price
FROM unpriced_daily;
