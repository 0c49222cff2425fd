-- A screenful of what is used and not billed yet, from a place on, each with whether its page is still kept.
SELECT
    shown.day,
    shown.source,
    shown.account,
    shown.fetch_id,
    shown.page_id,
    shown.row_no,
    shown.meter,
    shown.provider,
    shown.bucket_start,
    shown.kind,
    shown.shown_as AS model,
    shown.model AS measured_model,
    shown.project_id AS project,
    shown.api_key_id AS api_key,
    shown.token_type,
    shown.tier AS service_tier,
    shown.context_window,
    shown.location,
    shown.quantity,
    shown.price_list,
    shown.unit_usd,
    shown.ratio,
    shown.list_usd,
    shown.usd AS estimated_usd,
    shown.counted_usd,
    EXISTS (SELECT 1 FROM page WHERE page.page_id = shown.page_id) AS page_available
FROM (
    SELECT *
    FROM ({estimates})
    WHERE
        $after_day IS NULL
        OR (
            day >= $after_day
            AND (day, source, account, fetch_id, page_id, row_no, meter)
            > ($after_day, $after_source, $after_account, $after_fetch, $after_page, $after_row, $after_meter)
        )
    ORDER BY day, source, account, fetch_id, page_id, row_no, meter
    LIMIT $limit
) AS shown
ORDER BY
    shown.day, shown.source, shown.account, shown.fetch_id, shown.page_id, shown.row_no, shown.meter
