-- The lines of bills: one meter, one amount, one row. No estimate is among them.
CREATE OR REPLACE VIEW spend_rows AS
SELECT
    spend.day, -- UTC day on which the charge begins
    spend.provider, -- openai, anthropic or vertex
    spend.account, -- the name under which its key is set
    spend.source, -- the feed that it came by
    spend.charge_category, -- Usage, Credit, Tax, Adjustment or Purchase, in the words of FOCUS
    spend.model, -- as the bill names it; null if it names none
    spend.project_id AS project, -- its id; at Anthropic the workspace's, null for the default one
    CASE
        WHEN spend.project_id IS NULL AND spend.provider = 'anthropic' THEN 'Default'
        ELSE project."name"
    END AS project_name, -- what it is called now; null if not known
    spend.api_key_id AS api_key, -- id of the key as the bill tells it, never the key; spend_by_key tells more
    api_key."name" AS api_key_name, -- what it is called now; null if not known
    spend.line_item, -- what the bill calls the line
    spend.sku_id AS sku, -- Google's id of the meter; null elsewhere
    spend.token_type, -- input, cached_input, cache_write or output; of what is no token, what it is
    spend.service_tier, -- batch, priority, ...; null for OpenAI's standard one, or if not told
    spend.context_window, -- length of prompts that the price is for; null if not told
    spend.cache_lifetime, -- how long a cache write is kept, 5m or 1h; null for anything else
    spend.location, -- where it was served; null if not told
    spend.quantity, -- how much of unit; null if the bill has none
    spend.unit, -- what quantity counts, such as tokens
    spend.amount_usd AS cost_usd, -- billed, net of credits, USD; null where no rate to USD is stated
    spend.credit_usd, -- the credits in it, below 0; null where they have lines of their own
    spend.currency, -- of the bill, ISO 4217
    spend.amount, -- billed, net of credits, in that currency
    spend.credit_amount, -- the credits in it
    spend.charge_start, -- UTC
    spend.charge_end, -- UTC, not included
    spend.invoice_month, -- YYYY-MM
    spend.fetch_id, -- the fetch in use for its day, as in fetches
    spend.page_id, -- the page that says so, as in pages
    spend.row_no -- its place on the page, from 1
FROM spend
LEFT JOIN id_names AS project
    ON
        spend.provider = project.provider
        AND spend.account = project.account
        AND spend.project_id = project.id
        AND project.kind IN ('project', 'workspace')
LEFT JOIN id_names AS api_key
    ON
        spend.provider = api_key.provider
        AND spend.account = api_key.account
        AND spend.api_key_id = api_key.id
        AND api_key.kind = 'api_key';
