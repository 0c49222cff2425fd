-- The estimates beside a bill that grows, of which only a part counts.
CREATE TEMP TABLE growing AS
SELECT
    id,
    row_number() OVER (ORDER BY fetch_id, page_id, row_no, meter) AS part,
    fetch_id,
    page_id,
    row_no,
    meter,
    usd AS weight
FROM estimated
WHERE bill = 'open' AND usd IS NOT NULL
