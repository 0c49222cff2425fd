-- A commit of its own for the copy: published files are told apart by their commit.
INSERT INTO compacted.store_meta
SELECT
    max(seq) + 1 AS seq,
    $now AS committed_at,
    max(schema_version) AS schema_version
FROM compacted.store_meta
