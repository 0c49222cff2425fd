-- Accounts of one source that were given the very same page of lines for a day of the last week: two keys of one
-- organisation, whose bill is counted twice.
WITH given AS (
    SELECT DISTINCT
        spend.source,
        spend.account,
        page.body_sha256
    FROM spend
    INNER JOIN page ON spend.page_id = page.page_id
    WHERE spend.day > (SELECT max(day) FROM spend) - INTERVAL 8 DAY
)

SELECT DISTINCT
    one.source,
    one.account AS account,
    other.account AS other
FROM given AS one
INNER JOIN given AS other
    ON one.source = other.source AND one.body_sha256 = other.body_sha256 AND one.account < other.account
ORDER BY ALL
