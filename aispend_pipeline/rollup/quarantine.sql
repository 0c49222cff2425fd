-- Keep the records of one page that cannot be booked. One that names no day of its window is shown
-- on the first day that its fetch answered for.
INSERT INTO quarantine
SELECT
    $source,
    $account,
    $provider,
    CASE
        WHEN records.day BETWEEN $window_start AND $window_end THEN records.day
        ELSE (SELECT min(answer.day) FROM answer WHERE answer.fetch_id = $fetch_id)
    END AS shown_on,
    records.fault,
    records.record,
    $fetch_id,
    $page_id,
    records.row_no
FROM records
WHERE list_contains($days, shown_on)
