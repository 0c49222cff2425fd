-- Days and accounts whose sums are not the sums of their rows: dollars and rows by model, amounts without a rate by
-- model and currency, and measured tokens, which are shown under the bill's model, by provider. No fetch is to blame.
WITH money AS (
    SELECT
        day,
        account,
        provider,
        model,
        sum(usd) AS usd,
        sum(n) AS n
    FROM (
        SELECT day, account, provider, model, amount_usd AS usd, 1 AS n
        FROM spend
        WHERE day BETWEEN $first AND $last
        UNION ALL
        SELECT day, account, provider, model, -billed_usd AS usd, -"rows" AS n
        FROM spend_daily
        WHERE day BETWEEN $first AND $last
    )
    GROUP BY ALL
),

without_a_rate AS (
    SELECT
        day,
        account,
        provider,
        model,
        currency,
        sum(amount) AS amount
    FROM (
        SELECT day, account, provider, model, currency, amount
        FROM spend
        WHERE amount_usd IS NULL AND amount <> 0 AND day BETWEEN $first AND $last
        UNION ALL
        SELECT day, account, provider, model, currency, -amount AS amount
        FROM unconverted_daily
        WHERE day BETWEEN $first AND $last
    )
    GROUP BY ALL
),

tokens AS (
    SELECT
        day,
        account,
        provider,
        sum(n) AS n
    FROM (
        SELECT
            day, account, provider,
            coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)
            + coalesce(output_tokens, 0) AS n
        FROM usage
        WHERE day BETWEEN $first AND $last
        UNION ALL
        SELECT
            day, account, provider,
            -(
                coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)
                + coalesce(output_tokens, 0)
            ) AS n
        FROM spend_daily
        WHERE day BETWEEN $first AND $last AND counted_by = 'usage'
    )
    GROUP BY ALL
)

SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ' ' || coalesce(model, 'unknown') || ': the rows are ' || coalesce(usd, 0)
    || ' USD and ' || n || ' rows more than the rollup says'
FROM money
WHERE coalesce(usd, 0) <> 0 OR n <> 0
UNION ALL
SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ' ' || coalesce(model, 'unknown') || ': the rows are ' || amount || ' '
    || currency || ' more than the rollup says'
FROM without_a_rate
WHERE amount <> 0
UNION ALL
SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ': the rows are ' || n || ' tokens more than the rollup says'
FROM tokens
WHERE n <> 0
ORDER BY ALL
