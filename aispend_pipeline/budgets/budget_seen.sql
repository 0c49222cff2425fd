-- A budget as it was just read: known already, or new. One that was gone and is there again is not gone.
MERGE INTO budget AS known
USING (SELECT $billing_account AS billing_account, $budget_id AS budget_id) AS seen
    ON known.billing_account = seen.billing_account AND known.budget_id = seen.budget_id
WHEN MATCHED THEN UPDATE SET
    account = $account,
    "name" = $name,
    amount = $amount,
    currency = $currency,
    period = $period,
    scope = $scope,
    credits = $credits,
    thresholds = $thresholds,
    topic = $topic,
    gone_at = NULL,
    fetch_id = $fetch_id
WHEN NOT MATCHED THEN INSERT VALUES (
    $account,
    $billing_account,
    $budget_id,
    $name,
    $amount,
    $currency,
    $period,
    $scope,
    $credits,
    $thresholds,
    $topic,
    NULL,
    $fetch_id
)
