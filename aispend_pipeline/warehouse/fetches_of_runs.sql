-- The fetches of some Dagster runs, with the USD of their rows, null where there is no money; a second reading of a
-- window replaces the first.
SELECT
    read.source,
    read.account,
    read.window_start,
    read.window_end,
    read.state,
    read.pages,
    (SELECT sum(answer.rows_usd) FROM answer WHERE answer.fetch_id = read.fetch_id) AS usd,
    read.error_class,
    read.error
FROM "fetch" AS read
WHERE list_contains(?, read.run_id)
QUALIFY row_number() OVER (
    PARTITION BY read.source, read.account, read.window_start, read.window_end
    ORDER BY read.seq DESC
) = 1
ORDER BY read.source, read.account, read.window_start
