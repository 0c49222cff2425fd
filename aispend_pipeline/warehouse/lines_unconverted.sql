-- What billed lines amount to in currencies for which no rate is known.
SELECT
    currency,
    sum(amount) AS amount
FROM ({lines})
WHERE amount_usd IS NULL AND amount <> 0
GROUP BY currency
ORDER BY currency
