-- The window's sums by hour where nothing tells the hours: all of them without one.
INSERT INTO spend_hourly BY NAME
SELECT
    * EXCLUDE (counted_by),
    NULL::TIMESTAMP AS "hour"
FROM spend_daily
WHERE day BETWEEN $first AND $last
