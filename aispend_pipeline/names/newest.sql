-- What everything that ever had a name is called: the name that was seen last.
SELECT
    provider,
    account,
    kind,
    id,
    arg_max("name", (last_seen_at, first_seen_at, "name")) AS "name"
FROM "name"
GROUP BY provider, account, kind, id
