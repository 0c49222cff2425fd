-- Keep the estimates, each with the part of it that counts.
INSERT INTO estimate BY NAME
SELECT
    estimated.source,
    estimated.account,
    estimated.provider,
    estimated.day,
    estimated.bucket_start,
    estimated.kind,
    estimated.model,
    estimated.shown_as,
    estimated.project_id,
    estimated.api_key_id,
    estimated.service_tier,
    estimated.context_window,
    estimated.location,
    estimated.split,
    estimated.meter,
    estimated.token_type,
    estimated.quantity,
    estimated.unit_usd,
    estimated.ratio,
    estimated.list_usd,
    estimated.usd,
    CASE
        WHEN estimated.usd IS NULL THEN NULL
        WHEN estimated.bill = 'silent' THEN estimated.usd
        WHEN estimated.bill = 'open' THEN coalesce(counted.usd, 0)
        ELSE 0
    END AS counted_usd,
    estimated.why,
    estimated.price_list,
    estimated.fetch_id,
    estimated.page_id,
    estimated.row_no
FROM estimated
LEFT JOIN growing USING (fetch_id, page_id, row_no, meter)
LEFT JOIN counted ON growing.id = counted.id AND growing.part = counted.part
