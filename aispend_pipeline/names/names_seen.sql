-- The names of one reading: one that was seen before is seen again, any other is new. A name that was changed is
-- another row beside the old one, and nothing is deleted. Readings may be stored in another order than they began.
MERGE INTO "name" AS known
USING (
    SELECT
        unnest($kinds::VARCHAR[]) AS kind,
        unnest($ids::VARCHAR[]) AS id,
        unnest($names::VARCHAR[]) AS "name"
) AS seen
    ON known.provider = $provider
    AND known.account = $account
    AND known.kind = seen.kind
    AND known.id = seen.id
    AND known."name" = seen."name"
WHEN MATCHED THEN UPDATE SET
    first_seen_at = least(known.first_seen_at, $at),
    last_seen_at = greatest(known.last_seen_at, $at)
WHEN NOT MATCHED THEN INSERT VALUES ($provider, $account, seen.kind, seen.id, seen."name", $at, $at)
