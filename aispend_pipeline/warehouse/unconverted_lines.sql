-- As `unconverted`, by any dimension, from the lines themselves.
SELECT
    currency,
    sum(amount) AS amount
FROM spend
WHERE amount_usd IS NULL AND amount <> 0 AND day BETWEEN $first AND $last {conditions}
GROUP BY currency
ORDER BY currency
