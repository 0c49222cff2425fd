-- What the snapshot is: one row.
CREATE OR REPLACE VIEW snapshot AS
SELECT
    max(store_meta.seq) AS seq, -- number of the commit that it shows
    max(store_meta.committed_at) AS as_of, -- when that was made, UTC
    max(store_meta.schema_version) AS schema_version, -- of the tables
    any_value(store.store_id) AS store_id -- the warehouse's own name
FROM store_meta
CROSS JOIN store;
