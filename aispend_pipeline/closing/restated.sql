-- What became of the billed days of a month since it ended, newest first: of each account at most so many changes, each
-- with how many there are and what they come to.
SELECT
    "at",
    source,
    account,
    day,
    provider,
    model,
    was_usd,
    is_usd,
    fetch_id,
    count(*) OVER (PARTITION BY provider, account) AS n,
    sum(is_usd - was_usd) OVER (PARTITION BY provider, account) AS net_usd
FROM restatement
WHERE day BETWEEN $first AND $last AND "at" >= $since AND list_contains($sources, source)
QUALIFY row_number() OVER (PARTITION BY provider, account ORDER BY "at" DESC, source, day, model) <= $limit
ORDER BY provider, account, "at" DESC, source, day, model
