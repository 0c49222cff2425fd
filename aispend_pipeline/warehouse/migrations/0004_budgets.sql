-- Google's budgets: context beside the bill, and never rows of it. No day or model is known of them.

-- What each budget is set to, as it was read last, in the currency of its billing account. `amount` is null where it
-- is what the last period cost. `thresholds` is a JSON list; `gone_at` is when it was first found to be deleted.
CREATE TABLE budget (
    account VARCHAR NOT NULL,
    billing_account VARCHAR NOT NULL,
    budget_id VARCHAR NOT NULL,
    "name" VARCHAR NOT NULL,
    amount DECIMAL(38, 18),
    currency VARCHAR,
    period VARCHAR NOT NULL,
    scope VARCHAR NOT NULL,
    credits VARCHAR NOT NULL,
    thresholds VARCHAR NOT NULL,
    topic VARCHAR,
    gone_at TIMESTAMP,
    fetch_id VARCHAR NOT NULL
);

-- What is spent of a budget since `interval_start` (a Pacific midnight), by the notification that was published last;
-- of earlier ones only the pages are kept. `amount` is cumulative: it is no day's, and may fall.
CREATE TABLE budget_figure (
    account VARCHAR NOT NULL,
    billing_account VARCHAR NOT NULL,
    budget_id VARCHAR NOT NULL,
    interval_start TIMESTAMP NOT NULL,
    "name" VARCHAR NOT NULL,
    amount DECIMAL(38, 18) NOT NULL,
    currency VARCHAR NOT NULL,
    budget_amount DECIMAL(38, 18),
    budget_amount_type VARCHAR,
    alert_threshold DECIMAL(38, 18),
    forecast_threshold DECIMAL(38, 18),
    published_at TIMESTAMP_NS NOT NULL,
    message_id VARCHAR NOT NULL,
    fetch_id VARCHAR NOT NULL
);

-- When an account's budgets were last read, and what became of the last attempt.
CREATE TABLE budget_read (
    account VARCHAR NOT NULL,
    last_read_at TIMESTAMP,
    last_attempt_at TIMESTAMP NOT NULL,
    error VARCHAR
);
