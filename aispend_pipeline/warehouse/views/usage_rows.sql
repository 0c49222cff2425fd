-- Tokens and requests as the providers measured them, by hour where they do.
CREATE OR REPLACE VIEW usage_rows AS
SELECT
    usage.day, -- UTC day of the usage
    usage.provider, -- openai, anthropic or vertex
    usage.account, -- the name under which its key is set
    usage.source, -- the feed that it came by
    usage.kind, -- what was used: completions, messages, embeddings, ...
    usage_model.shown_as AS model, -- as the bill names it; null where it names none
    usage.model AS measured_model, -- as the usage names it
    usage.project_id AS project, -- its id; at Anthropic the workspace's, null for the default one
    CASE
        WHEN usage.project_id IS NULL AND usage.provider = 'anthropic' THEN 'Default'
        ELSE project."name"
    END AS project_name, -- what it is called now; null if not known
    usage.api_key_id AS api_key, -- id of the key, never the key; null if not told
    api_key."name" AS api_key_name, -- what it is called now; null if not known
    usage.service_tier, -- standard, batch, priority, ...; null if not told
    usage.context_window, -- length of prompts; null if not told
    usage.location, -- where it was served; null if not told
    usage.input_tokens, -- input that was not cached
    usage.cached_input_tokens, -- read from a cache
    usage.cache_write_tokens, -- written to a cache
    usage.output_tokens, -- output
    usage.requests, -- null where they are not counted
    usage.quantity, -- of what is no token, in unit
    usage.unit, -- images, seconds, ...; bytes are a stock, and days of them do not add up
    usage.priced, -- false where no bill ever lists the tier
    usage.bucket_start, -- UTC
    usage.bucket_end, -- UTC, not included
    usage.fetch_id, -- the fetch in use for its day, as in fetches
    usage.page_id, -- the page that says so, as in pages
    usage.row_no -- its place on the page, from 1
FROM usage
LEFT JOIN usage_model
    ON
        usage.day = usage_model.day
        AND usage.provider = usage_model.provider
        AND usage.account = usage_model.account
        AND usage.model = usage_model.model
LEFT JOIN id_names AS project
    ON
        usage.provider = project.provider
        AND usage.account = project.account
        AND usage.project_id = project.id
        AND project.kind IN ('project', 'workspace')
LEFT JOIN id_names AS api_key
    ON
        usage.provider = api_key.provider
        AND usage.account = api_key.account
        AND usage.api_key_id = api_key.id
        AND api_key.kind = 'api_key';
