-- Of each day that was ever answered for: whether some feed's rows can be made again from its pages, and the feeds
-- whose pages have expired. `answers_in_use` decides, as it does when days are added up.
SELECT
    day,
    bool_or(usable) AS ready,
    coalesce(list(source || ' ' || account ORDER BY source, account) FILTER (NOT usable), []) AS kept
FROM answers_in_use
GROUP BY day
ORDER BY day
