-- The oldest fetches that still have pages of which none is younger, their source, and how many pages they have.
-- None that answered for a day that is in no sum yet: its rows could never be made.
SELECT
    page.fetch_id,
    read.source,
    count(*) AS pages
FROM page
INNER JOIN "fetch" AS read ON page.fetch_id = read.fetch_id
WHERE
    NOT EXISTS (
        SELECT 1 FROM answer
        WHERE answer.fetch_id = page.fetch_id AND list_contains($unadded::DATE[], answer.day)
    )
GROUP BY page.fetch_id, read.source
HAVING max(page.fetched_at) < $before
ORDER BY max(page.fetched_at), page.fetch_id
LIMIT $most
