-- For each configured account of a source with a billing export: when the newest line was exported, of those that its
-- complete fetches know of.
SELECT
    json_extract_string(detail, '$.read_as') AS account,
    max(json_extract_string(detail, '$.watermark')::TIMESTAMP) AS watermark
FROM "fetch"
WHERE source = $source AND state = 'complete' AND json_exists(detail, '$.watermark')
GROUP BY 1
