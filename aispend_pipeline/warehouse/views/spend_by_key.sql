-- Sums by day, project, key (and whose it is) and model. A bill that tells no keys counts with the parts of its lines
-- that usage explains.
CREATE OR REPLACE VIEW spend_by_key AS
WITH lines AS (
    SELECT
        spend.day,
        spend.provider,
        spend.account,
        spend.project_id,
        CASE WHEN allocated.row_no IS NULL THEN spend.api_key_id ELSE allocated.api_key_id END AS api_key_id,
        spend.model,
        coalesce(allocated.amount_usd, spend.amount_usd) AS cost_usd,
        allocated.amount_usd AS allocated_usd,
        NULL::DECIMAL(38, 18) AS estimated_usd
    FROM spend
    LEFT JOIN allocated
        ON
            spend.day = allocated.day
            AND spend.fetch_id = allocated.fetch_id
            AND spend.page_id = allocated.page_id
            AND spend.row_no = allocated.row_no
    UNION ALL BY NAME
    SELECT
        day,
        provider,
        account,
        project_id,
        api_key_id,
        shown_as AS model,
        counted_usd AS estimated_usd
    FROM estimate
    WHERE counted_usd > 0
),

grouped AS (
    SELECT
        day,
        provider,
        account,
        project_id,
        api_key_id,
        model,
        sum(cost_usd) AS cost_usd,
        sum(allocated_usd) AS allocated_usd,
        sum(estimated_usd) AS estimated_usd
    FROM lines
    GROUP BY ALL
)

SELECT
    grouped.day, -- UTC
    grouped.provider, -- openai, anthropic or vertex
    grouped.account, -- the name under which its key is set
    grouped.project_id AS project, -- its id; at Anthropic the workspace's, null for the default one
    CASE
        WHEN grouped.project_id IS NULL AND grouped.provider = 'anthropic' THEN 'Default'
        ELSE project."name"
    END AS project_name, -- what it is called now; null if not known
    grouped.api_key_id AS api_key, -- id of the key, never the key; null for what no bill and no usage tells the key of
    api_key."name" AS api_key_name, -- what it is called now; null if not known
    owner."name" AS api_key_owner, -- id of whose it is, a person or a service account; null if not known
    person."name" AS api_key_owner_name, -- what they are called now; null if not known
    grouped.model, -- as the bill names it; null if it names none
    grouped.cost_usd, -- billed, USD; null where nothing is billed yet
    grouped.allocated_usd, -- the part of cost_usd whose key the bill does not tell, and usage does
    grouped.estimated_usd -- used and not billed yet, USD; never part of cost_usd
FROM grouped
LEFT JOIN id_names AS project
    ON
        grouped.provider = project.provider
        AND grouped.account = project.account
        AND grouped.project_id = project.id
        AND project.kind IN ('project', 'workspace')
LEFT JOIN id_names AS api_key
    ON
        grouped.provider = api_key.provider
        AND grouped.account = api_key.account
        AND grouped.api_key_id = api_key.id
        AND api_key.kind = 'api_key'
LEFT JOIN id_names AS owner
    ON
        grouped.provider = owner.provider
        AND grouped.account = owner.account
        AND grouped.api_key_id = owner.id
        AND owner.kind = 'api_key_owner'
LEFT JOIN id_names AS person
    ON
        grouped.provider = person.provider
        AND grouped.account = person.account
        AND owner."name" = person.id
        AND person.kind IN ('user', 'service_account');
