-- What ids are called now, as the providers' own lists gave it last.
CREATE OR REPLACE VIEW id_names AS
SELECT
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    kind, -- project, workspace, api_key, user, service_account, ...; of an api_key_owner the name is the owner's id
    id, -- as it stands in rows
    arg_max("name", (last_seen_at, first_seen_at, "name")) AS "name", -- as the provider's list gave it last
    max(last_seen_at) AS last_seen_at -- when the list had it last, UTC
FROM "name"
GROUP BY provider, account, kind, id;
