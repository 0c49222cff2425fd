-- What became of days that were over and were read again, newest change first.
SELECT
    "at",
    source,
    account,
    day,
    provider,
    model,
    was_usd,
    is_usd,
    fetch_id
FROM restatement
WHERE day BETWEEN $first AND $last {conditions}
ORDER BY "at" DESC, source, account, day, model
LIMIT {most}
