-- Splits every amount of `whole` (id, usd) among its parts in `share` (id, part, weight), in proportion to their
-- weights, and exactly: what is left over after rounding towards zero goes to the largest remainders. Weights are USD or
-- counts, not below zero; an amount whose weights are all zero is not split. Reckoned in integers: units of 1e-18 USD,
-- and weights of which all of an amount's together have eighteen digits at most, so that nothing overflows.
CREATE OR REPLACE TEMP TABLE {into} AS
WITH counted AS (
    SELECT
        share.id,
        share.part,
        whole.usd < 0 AS below_zero,
        abs(replace(whole.usd::DECIMAL(38, 18)::VARCHAR, '.', '')::HUGEINT) AS units,
        replace(share.weight::DECIMAL(38, 12)::VARCHAR, '.', '')::HUGEINT AS weight
    FROM {share} AS share
    INNER JOIN {whole} AS whole ON share.id = whole.id
),

scaled AS (
    SELECT * REPLACE (weight // (sum(weight) OVER (PARTITION BY id) // 1000000000000000000 + 1) AS weight)
    FROM counted
),

weighed AS (SELECT *, sum(weight) OVER (PARTITION BY id) AS weights FROM scaled),

cut AS (
    SELECT
        id,
        part,
        below_zero,
        units,
        units // weights * weight + units % weights * weight // weights AS own,
        units % weights * weight % weights AS remainder
    FROM weighed
    WHERE weights > 0
),

ranked AS (
    SELECT
        id,
        part,
        below_zero,
        own,
        row_number() OVER (PARTITION BY id ORDER BY remainder DESC, part) AS place,
        units - sum(own) OVER (PARTITION BY id) AS left_over
    FROM cut
),

parted AS (
    SELECT
        id,
        part,
        CASE WHEN below_zero THEN -1 ELSE 1 END AS sign,
        own + CASE WHEN place <= left_over THEN 1 ELSE 0 END AS units
    FROM ranked
)

SELECT
    id,
    part,
    (
        sign * (
            (units // 1000000000000000000)::DECIMAL(20, 0)::DECIMAL(38, 18)
            + (units % 1000000000000000000)::DECIMAL(18, 0) * 0.000000000000000001
        )
    )::DECIMAL(38, 18) AS usd
FROM parted
