-- A body is kept once for all pages that are the same, and goes with the last of them.
DELETE FROM body
WHERE NOT EXISTS (SELECT 1 FROM page WHERE page.body_sha256 = body.sha256)
