-- Pages, newest fetch first and in their order within it, from a place on; bodies apart. Those of failed fetches are
-- among them: they are evidence too.
SELECT
    read.seq,
    page.page_no,
    page.page_id,
    read.provider,
    read.source,
    read.account,
    read.fetch_id,
    read.state,
    page.reading,
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
    ($page_id IS NULL OR page.page_id = $page_id)
    AND ($provider IS NULL OR read.provider = $provider)
    AND ($first IS NULL OR read.window_end >= $first)
    AND ($last IS NULL OR read.window_start <= $last)
    AND (len($sources) = 0 OR list_contains($sources, read.source))
    AND (len($accounts) = 0 OR list_contains($accounts, read.account))
    AND ($seq IS NULL OR read.seq < $seq OR (read.seq = $seq AND page.page_no > $page_no))
ORDER BY read.seq DESC, page.page_no
LIMIT $limit
