-- Keep the records of one page that cannot be booked. One that names no day of its window is shown
-- on the window's first day.
INSERT INTO quarantined
SELECT
    $source,
    $account,
    $provider,
    CASE WHEN records.day BETWEEN $window_start AND $window_end THEN records.day ELSE $window_start END AS shown_on,
    records.fault,
    records.record,
    $fetch_id,
    $page_id,
    records.row_no
FROM records
WHERE
    records.fault IS NOT NULL
    AND list_contains($days, shown_on)
