-- Keep the parts of billed lines by the keys that they are for.
INSERT INTO allocated BY NAME
SELECT
    lines.source,
    lines.account,
    lines.provider,
    lines.day,
    lines.fetch_id,
    lines.page_id,
    lines.row_no,
    nullif(parts.part, '') AS api_key_id,
    parts.usd AS amount_usd
FROM allocated_parts AS parts
INNER JOIN lines_to_allocate AS lines USING (id)
ORDER BY lines.day, lines.source, lines.account, lines.page_id, lines.row_no, parts.part
