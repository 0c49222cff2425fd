-- A change of a day that had been read when it was over is a restatement; growth of a running day is not.
INSERT INTO restatement BY NAME
SELECT
    changes.source,
    changes.account,
    changes.day,
    changes.provider,
    changes.model,
    changes.was_usd,
    changes.is_usd,
    $now AS "at",
    used.fetch_id
FROM changes
INNER JOIN coverage
    ON changes.source = coverage.source AND changes.account = coverage.account AND changes.day = coverage.day
INNER JOIN answers_in_use AS used
    ON changes.source = used.source AND changes.account = used.account AND changes.day = used.day
WHERE coverage.state IN ('complete', 'partial') AND coverage.finality <> 'open'
