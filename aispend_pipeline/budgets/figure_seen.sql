-- The figure of a notification, if it was published after the one that is known of its budget and interval. Messages
-- come in any order and more than once, so that an older one, or the same, changes nothing.
MERGE INTO budget_figure AS known
USING (
    SELECT
        $billing_account AS billing_account,
        $budget_id AS budget_id,
        $interval_start::TIMESTAMP AS interval_start,
        make_timestamp_ns($published) AS published_at
) AS seen
    ON known.billing_account = seen.billing_account
    AND known.budget_id = seen.budget_id
    AND known.interval_start = seen.interval_start
WHEN MATCHED AND (seen.published_at, $message_id) > (known.published_at, known.message_id) THEN UPDATE SET
    account = $account,
    "name" = $name,
    amount = $amount,
    currency = $currency,
    budget_amount = $budget_amount,
    budget_amount_type = $budget_amount_type,
    alert_threshold = $alert_threshold,
    forecast_threshold = $forecast_threshold,
    published_at = seen.published_at,
    message_id = $message_id,
    fetch_id = $fetch_id
WHEN NOT MATCHED THEN INSERT VALUES (
    $account,
    seen.billing_account,
    seen.budget_id,
    seen.interval_start,
    $name,
    $amount,
    $currency,
    $budget_amount,
    $budget_amount_type,
    $alert_threshold,
    $forecast_threshold,
    seen.published_at,
    $message_id,
    $fetch_id
)
