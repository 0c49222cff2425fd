-- The fetches of one Dagster run, with the USD of their rows; a second reading of a window replaces the first.
SELECT
    read.source,
    read.account,
    read.window_start,
    read.window_end,
    read.state,
    read.pages,
    coalesce((SELECT sum(answer.rows_usd) FROM answer WHERE answer.fetch_id = read.fetch_id), 0) AS usd,
    read.error
FROM "fetch" AS read
WHERE read.run_id = ?
QUALIFY row_number() OVER (
    PARTITION BY read.source, read.account, read.window_start, read.window_end
    ORDER BY read.seq DESC
) = 1
ORDER BY read.source, read.account, read.window_start
