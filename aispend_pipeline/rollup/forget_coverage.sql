-- Make room for what is known of the window's days now; of days whose pages cannot be read, nothing new is.
DELETE FROM coverage
WHERE
    day BETWEEN $first AND $last
    AND NOT EXISTS (
        SELECT 1 FROM answers_in_use AS used
        WHERE
            NOT used.usable
            AND used.source = coverage.source
            AND used.account = coverage.account
            AND used.day = coverage.day
    )
