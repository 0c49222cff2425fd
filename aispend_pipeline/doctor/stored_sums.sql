-- What is stored of one feed's days, by currency: what the provider's own sum is held against.
SELECT
    currency,
    sum(amount) AS amount
FROM spend
WHERE
    source = $source
    AND account = $account
    AND day BETWEEN $first AND $last
GROUP BY currency
ORDER BY currency
