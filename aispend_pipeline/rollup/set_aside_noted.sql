-- A day that was read and keeps what it was, because its newest answer was set aside, says which, and why.
UPDATE coverage
SET detail = json_merge_patch(coverage.detail, json_object('last_attempt', set_aside.why, 'set_aside', set_aside.fetch_id))
FROM answers_in_use AS used
INNER JOIN set_aside ON used.fetch_id = set_aside.fetch_id
WHERE
    coverage.source = used.source
    AND coverage.account = used.account
    AND coverage.day = used.day
    AND coverage.day BETWEEN $first AND $last
    AND coverage.state <> 'failed'
