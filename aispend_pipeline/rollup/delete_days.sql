-- Make room: a day is replaced whether or not rows come back for it.
DELETE FROM {table}
USING answers_in_use AS used
WHERE
    {table}.source = used.source
    AND {table}.account = used.account
    AND {table}.day = used.day
    AND {table}.day BETWEEN $first AND $last
    AND used.usable
