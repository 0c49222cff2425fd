-- Days whose rows do not add up to the provider's own sum although they did when they were read,
-- or must because the day was over for more than 48 hours.
SELECT
    used.fetch_id,
    used.source || ' ' || used.account || ' ' || used.day || ': rows add up to ' || coalesce(booked.usd, 0)
    || ' USD, the provider''s own sum is ' || used.control_usd || ' USD'
FROM answers_in_use AS used
LEFT JOIN (
    SELECT source, account, day, sum(amount_usd) AS usd FROM spend WHERE day BETWEEN $first AND $last GROUP BY ALL
) AS booked USING (source, account, day)
WHERE
    used.usable
    AND (used.agrees OR (used.agrees IS NOT NULL AND used.started_at > used.day + INTERVAL 3 DAY))
    AND abs(coalesce(booked.usd, 0) - used.control_usd) > 0.000001
ORDER BY ALL
