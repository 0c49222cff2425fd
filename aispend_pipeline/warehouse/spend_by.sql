-- Groups of the asked days from a table of sums: billed and estimated USD, lines and counts. The keys that are asked for,
-- the table, the filters and the order are put in by name; values are bound.
SELECT
    {keys}
    sum(billed_usd) AS usd,
    sum("rows")::BIGINT AS n,
    sum(estimated_usd) AS estimated_usd,
    sum(input_tokens)::HUGEINT AS input_tokens,
    sum(cached_input_tokens)::HUGEINT AS cached_input_tokens,
    sum(cache_write_tokens)::HUGEINT AS cache_write_tokens,
    sum(output_tokens)::HUGEINT AS output_tokens,
    sum(requests)::HUGEINT AS requests{books}
FROM {sums}
WHERE day BETWEEN $first AND $last {conditions}
GROUP BY ALL
HAVING count(*) > 0
ORDER BY {order}
LIMIT $limit OFFSET $skip
