-- Give way to a fetch that began later and was stored first: for the days that it answered, what this one
-- says is older. (A clock that went back looks different: such a fetch also ended before the other began.)
DELETE FROM answer
WHERE
    answer.fetch_id = $fetch_id
    AND EXISTS (
        SELECT 1
        FROM "fetch" AS later
        INNER JOIN answer AS newer ON later.fetch_id = newer.fetch_id
        WHERE
            later.state = 'complete'
            AND later.source = $source
            AND later.account = $account
            AND later.started_at > $started_at
            AND later.started_at < $finished_at
            AND newer.day = answer.day
    )
