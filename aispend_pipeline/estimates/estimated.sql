-- The estimates: the list price of a unit times its model's ratio, rounded once, times the quantity. What is billed
-- without a model (searches) is at list price.
CREATE TEMP TABLE estimated AS
SELECT
    priced.*,
    groups.id,
    CASE WHEN priced.list_usd IS NOT NULL THEN coalesce(ratios.ratio, 1)::DECIMAL(9, 6) END AS ratio,
    CASE
        WHEN priced.list_usd IS NOT NULL
            THEN
                priced.quantity::DECIMAL(18, 0)
                * (priced.unit_usd::DECIMAL(20, 18) * coalesce(ratios.ratio, 1)::DECIMAL(9, 6))::DECIMAL(20, 18)
    END AS usd
FROM priced
INNER JOIN estimate_groups AS groups
    ON
        priced.day = groups.day
        AND priced.account = groups.account
        AND priced.provider = groups.provider
        AND priced.shown_as IS NOT DISTINCT FROM groups.model
LEFT JOIN ratios
    ON
        priced.day = ratios.day
        AND priced.account = ratios.account
        AND priced.provider = ratios.provider
        AND priced.model = ratios.model
        AND priced.shown_as IS NOT NULL
