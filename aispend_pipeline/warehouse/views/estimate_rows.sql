-- What is used and not billed yet, priced from usage, line by line; the bill takes its place when it comes.
CREATE OR REPLACE VIEW estimate_rows AS
SELECT
    estimate.day, -- UTC day of the usage
    estimate.provider, -- openai, anthropic or vertex
    estimate.account, -- the name under which its key is set
    estimate.source, -- the feed whose usage is priced
    estimate.kind, -- what was used: completions, messages, ...
    estimate.shown_as AS model, -- as the bill will name it; null where it names none
    estimate.model AS measured_model, -- as the usage names it
    estimate.project_id AS project, -- its id; at Anthropic the workspace's, null for the default one
    CASE
        WHEN estimate.project_id IS NULL AND estimate.provider = 'anthropic' THEN 'Default'
        ELSE project."name"
    END AS project_name, -- what it is called now; null if not known
    estimate.api_key_id AS api_key, -- id of the key, never the key; null if not told
    api_key."name" AS api_key_name, -- what it is called now; null if not known
    estimate.token_type, -- input, cached_input, cache_write or output; of what is no token, what it is
    estimate.service_tier, -- as the usage names it
    estimate.context_window, -- length of prompts; null if not told
    estimate.location, -- where it was served; null if not told
    estimate.quantity, -- tokens, or what else the meter counts
    estimate.unit_usd, -- list price of one, USD
    estimate.ratio, -- what the model's bills of late were of their list price
    estimate.counted_usd AS estimated_usd, -- the part of the estimate that the bill does not have, USD
    estimate.price_list, -- the price list and its version
    estimate.bucket_start, -- UTC
    estimate.fetch_id, -- the fetch in use for its day, as in fetches
    estimate.page_id, -- the page that says so, as in pages
    estimate.row_no, -- its place on the page, from 1
    estimate.meter -- which meter of the row
FROM estimate
LEFT JOIN id_names AS project
    ON
        estimate.provider = project.provider
        AND estimate.account = project.account
        AND estimate.project_id = project.id
        AND project.kind IN ('project', 'workspace')
LEFT JOIN id_names AS api_key
    ON
        estimate.provider = api_key.provider
        AND estimate.account = api_key.account
        AND estimate.api_key_id = api_key.id
        AND api_key.kind = 'api_key'
WHERE estimate.counted_usd > 0;
