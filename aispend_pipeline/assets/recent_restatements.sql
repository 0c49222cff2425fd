-- Days that had been over and became another sum within the day before the newest commit.
SELECT
    provider || ' ' || account || ' ' || day || ' ' || coalesce(model, 'unknown')
    || ': was ' || rtrim(rtrim(was_usd::VARCHAR, '0'), '.') || ', is ' || rtrim(rtrim(is_usd::VARCHAR, '0'), '.')
    || ' USD since ' || strftime("at", '%Y-%m-%d %H:%M')
FROM restatement
WHERE "at" > (SELECT max(committed_at) FROM store_meta) - INTERVAL 1 DAY
ORDER BY "at" DESC, provider, account, day, model
