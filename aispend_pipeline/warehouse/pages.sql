-- Pages of one provider, newest fetch first and in their order within it, from a place on; bodies apart.
SELECT
    read.seq,
    page.page_no,
    page.page_id,
    read.provider,
    read.source,
    read.account,
    page.fetched_at,
    read.window_start,
    read.window_end,
    page.request,
    page.body_sha256,
    body.bytes
FROM page
INNER JOIN "fetch" AS read ON page.fetch_id = read.fetch_id
INNER JOIN body ON page.body_sha256 = body.sha256
WHERE
    read.provider = $provider
    AND read.window_end >= $first
    AND read.window_start <= $last
    AND ($seq IS NULL OR read.seq < $seq OR (read.seq = $seq AND page.page_no > $page_no))
ORDER BY read.seq DESC, page.page_no
LIMIT $limit
