-- Records of bills that cannot be understood: they are in no sum, and their day is partial.
CREATE OR REPLACE VIEW quarantined AS
SELECT
    day, -- UTC
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    source, -- the feed that it came by
    reason, -- why it cannot be booked
    record, -- as it came, JSON
    fetch_id, -- the fetch in use for its day, as in fetches
    page_id, -- the page that says so, as in pages
    row_no -- its place on the page, from 1
FROM quarantine;
