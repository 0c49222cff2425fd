-- Answers of providers as received, without their bytes, which GET /providers/{name}/raw has.
CREATE OR REPLACE VIEW pages AS
SELECT
    page.page_id, -- own id
    page.fetch_id, -- the fetch that it came of
    read.source, -- the feed
    read.account, -- the name under which its key is set
    read.provider, -- openai, anthropic or vertex
    read.state AS fetch_state, -- of a failed fetch pages are evidence, and no figure rests on them
    page.page_no, -- its place in the fetch
    page.reading, -- rows are booked, control checks them, exports say how far the books go
    page.request, -- the question as JSON, without credentials
    page.fetched_at, -- UTC
    body.bytes, -- how many came
    page.body_sha256 -- of the bytes as received, hexadecimal
FROM page
INNER JOIN "fetch" AS read ON page.fetch_id = read.fetch_id
LEFT JOIN body ON page.body_sha256 = body.sha256;
