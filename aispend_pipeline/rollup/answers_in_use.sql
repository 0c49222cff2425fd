-- For each source, account and day of the window: the newest complete answer.
-- `usable` is false when its pages have expired or it was set aside, and `why` says so: then the day's rows stand.
CREATE TEMP TABLE answers_in_use AS
SELECT
    read.source,
    read.account,
    read.provider,
    answer.day,
    read.fetch_id,
    read.seq,
    read.window_start,
    read.window_end,
    read.started_at,
    read.finished_at,
    read.detail,
    answer.rows_usd,
    answer.control_usd,
    answer.agrees,
    set_aside.fetch_id IS NULL AND EXISTS (SELECT 1 FROM page WHERE page.fetch_id = read.fetch_id) AS usable,
    coalesce(set_aside.why, 'its pages have expired') AS why
FROM answer
INNER JOIN "fetch" AS read ON answer.fetch_id = read.fetch_id
LEFT JOIN set_aside ON read.fetch_id = set_aside.fetch_id
WHERE
    read.state = 'complete'
    AND answer.day BETWEEN $first AND $last
    AND read.window_end >= $first
    AND read.window_start <= $last
QUALIFY row_number() OVER (
    PARTITION BY read.source, read.account, answer.day
    ORDER BY read.seq DESC
) = 1
