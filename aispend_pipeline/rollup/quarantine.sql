-- Keep the records of one page that cannot be booked. One that names no day of its window is shown
-- on the first day that its fetch answered for.
INSERT INTO quarantine BY NAME
SELECT *
FROM (
    SELECT
        $source AS source,
        $account AS account,
        $provider AS provider,
        CASE
            WHEN records.day BETWEEN $window_start AND $window_end THEN records.day
            ELSE (SELECT min(answer.day) FROM answer WHERE answer.fetch_id = $fetch_id)
        END AS day,
        records.fault AS reason,
        records.record,
        $fetch_id AS fetch_id,
        $page_id AS page_id,
        records.row_no
    FROM records
) AS shown
WHERE list_contains($days, shown.day)
