-- What the billing export has billed of each billing account and UTC month, USD, where it is read.
WITH account_of AS (
    SELECT
        account,
        arg_max(json_extract_string(detail, '$.billing_account'), seq) AS billing_account
    FROM "fetch"
    WHERE source = 'vertex_billing' AND state = 'complete'
    GROUP BY account
)

SELECT
    account_of.billing_account,
    strftime(spent.day, '%Y-%m') AS "month",
    sum(spent.billed_usd) AS usd
FROM account_of
INNER JOIN spend_daily AS spent ON account_of.account = spent.account AND spent.provider = 'vertex'
WHERE account_of.billing_account IS NOT NULL
GROUP BY ALL
HAVING sum(spent.billed_usd) IS NOT NULL
