-- What became of reading an account's budgets: it was read whole if there was no error, and keeps its last whole
-- reading otherwise.
MERGE INTO budget_read AS known
USING (SELECT $account AS account) AS attempt
    ON known.account = attempt.account
WHEN MATCHED THEN UPDATE SET
    last_read_at = CASE WHEN $error IS NULL THEN $at ELSE known.last_read_at END,
    last_attempt_at = $at,
    error = $error
WHEN NOT MATCHED THEN INSERT VALUES ($account, CASE WHEN $error IS NULL THEN $at END, $at, $error)
