-- Every line that any dimension can be told of: of bills, of estimates that count beside them, and of usage. Tokens are
-- those of the usage book on days of which it has some, else the bill's: never both in one figure. Asked about what only
-- the bill has ($of_the_bill: line item, token type) nothing but the bill counts; asked about sources ($apart), each book
-- speaks for itself. OpenAI's bill names no tier where its usage says "default". The relation of billed lines is put in.
WITH counted AS (
    SELECT DISTINCT day, account, provider
    FROM usage
    WHERE day BETWEEN $earliest AND $last AND coalesce(input_tokens, output_tokens, requests) IS NOT NULL
)

SELECT
    spend.day,
    spend.provider,
    spend.account,
    spend.model,
    spend.project_id,
    spend.api_key_id,
    spend.line_item,
    spend.token_type,
    spend.service_tier,
    spend.source,
    spend.usd,
    NULL::DECIMAL(38, 18) AS estimated_usd,
    spend.allocated_usd,
    1 AS n,
    spend.quantity,
    CASE WHEN spend.unit = 'tokens' AND ($of_the_bill OR $apart OR counted.day IS NULL) THEN spend.token_type END AS counted,
    NULL::DECIMAL(38, 0) AS requests
FROM ({billed}) AS spend
LEFT JOIN counted USING (day, account, provider)
UNION ALL BY NAME
SELECT
    day,
    provider,
    account,
    shown_as AS model,
    project_id,
    api_key_id,
    token_type,
    nullif(service_tier, 'default') AS service_tier,
    source,
    counted_usd AS estimated_usd,
    0 AS n
FROM estimate
WHERE counted_usd > 0
UNION ALL BY NAME
SELECT
    usage.day,
    usage.provider,
    usage.account,
    usage_model.shown_as AS model,
    usage.project_id,
    usage.api_key_id,
    NULL AS line_item,
    NULL AS token_type,
    nullif(usage.service_tier, 'default') AS service_tier,
    usage.source,
    NULL AS usd,
    0 AS n,
    usage.input_tokens,
    usage.cached_input_tokens,
    usage.cache_write_tokens,
    usage.output_tokens,
    CASE WHEN usage.kind <> 'web_search_calls' THEN usage.requests END AS requests
FROM usage
LEFT JOIN usage_model USING (day, account, provider, model)
WHERE
    NOT $of_the_bill
    AND coalesce(
        usage.input_tokens, usage.output_tokens, CASE WHEN usage.kind <> 'web_search_calls' THEN usage.requests END
    ) IS NOT NULL
