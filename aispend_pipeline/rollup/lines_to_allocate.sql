-- Billed lines that tell no key, of days on which keys have used something.
CREATE TEMP TABLE lines_to_allocate AS
SELECT
    row_number() OVER (ORDER BY spend.source, spend.account, spend.day, spend.page_id, spend.row_no) AS id,
    spend.source,
    spend.account,
    spend.provider,
    spend.day,
    spend.model,
    spend.token_type,
    spend.cache_lifetime,
    spend.project_id,
    spend.service_tier,
    spend.context_window,
    spend.location,
    spend.fetch_id,
    spend.page_id,
    spend.row_no,
    spend.amount_usd AS usd
FROM spend
SEMI JOIN bills USING (account, provider, day)
WHERE
    spend.day BETWEEN $first AND $last
    AND list_contains($sources, spend.source)
    AND spend.api_key_id IS NULL
    AND spend.amount_usd IS NOT NULL
