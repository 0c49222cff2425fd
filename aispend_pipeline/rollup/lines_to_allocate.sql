-- Billed lines that tell no key although keys have used what they are for.
CREATE TEMP TABLE lines_to_allocate AS
SELECT
    row_number() OVER (ORDER BY source, account, day, page_id, row_no) AS id,
    spend.*,
    amount_usd AS usd
FROM spend
WHERE
    day BETWEEN $first AND $last
    AND list_contains($sources, source)
    AND api_key_id IS NULL
    AND amount_usd IS NOT NULL
