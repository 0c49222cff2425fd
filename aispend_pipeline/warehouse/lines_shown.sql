-- A screenful of billed lines, from a place on, each with whether its page is still kept.
SELECT
    shown.day,
    shown.source,
    shown.account,
    shown.fetch_id,
    shown.page_id,
    shown.row_no,
    shown.provider,
    shown.charge_start,
    shown.charge_end,
    shown.invoice_month,
    shown.charge_category,
    shown.model,
    shown.project_id AS project,
    shown.api_key_id AS api_key,
    shown.line_item,
    shown.sku_id AS sku,
    shown.token_type,
    shown.service_tier,
    shown.context_window,
    shown.cache_lifetime,
    shown.location,
    shown.quantity,
    shown.unit,
    shown.currency,
    shown.amount,
    shown.credit_amount,
    shown.amount_usd AS cost_usd,
    shown.credit_usd,
    shown.allocated_usd,
    EXISTS (SELECT 1 FROM page WHERE page.page_id = shown.page_id) AS page_available
FROM (
    SELECT *
    FROM ({lines})
    WHERE
        $after_day IS NULL
        OR (
            day >= $after_day
            AND (day, source, account, fetch_id, page_id, row_no)
            > ($after_day, $after_source, $after_account, $after_fetch, $after_page, $after_row)
        )
    ORDER BY day, source, account, fetch_id, page_id, row_no
    LIMIT $limit
) AS shown
ORDER BY shown.day, shown.source, shown.account, shown.fetch_id, shown.page_id, shown.row_no
