-- The share of the file that holds something. Blocks that are free count as such. So do bodies that were deleted:
-- DuckDB keeps them where they are until all of their neighbours are gone too. Nearly all that is used is bodies.
SELECT
    (size.used_blocks / greatest(size.total_blocks, 1))
    * CASE WHEN held."rows" = 0 THEN 1 ELSE least(live."rows" / held."rows", 1) END AS live
FROM pragma_database_size() AS size
CROSS JOIN (
    SELECT coalesce(sum(count), 0) AS "rows"
    FROM pragma_storage_info('body')
    WHERE column_name = 'sha256' AND segment_type <> 'VALIDITY'
) AS held
CROSS JOIN (SELECT count(*) AS "rows" FROM body) AS live
WHERE size.database_name = current_database()
