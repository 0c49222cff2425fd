-- The books that the asked days' tokens and requests are from.
SELECT DISTINCT counted_by
FROM spend_daily
WHERE counted_by IS NOT NULL AND day BETWEEN $first AND $last {conditions}
ORDER BY counted_by
