-- What was used and has no money, by the account and day that it is missing from.
SELECT
    provider,
    account,
    day,
    why,
    never_billed,
    sum(
        coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)
        + coalesce(output_tokens, 0)
    ) AS tokens,
    coalesce(sum(other_units), 0) AS other_units
FROM unpriced_daily
WHERE day BETWEEN $first AND $last
GROUP BY ALL
ORDER BY ALL
