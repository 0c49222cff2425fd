-- Every budget that was ever read, and every figure that was ever notified of one, newest interval first. A figure may
-- be of a budget that was not read; a budget without an amount of its own has the currency of its figures.
SELECT
    coalesce(budget.account, figure.account) AS account,
    coalesce(budget.billing_account, figure.billing_account) AS billing_account,
    coalesce(budget.budget_id, figure.budget_id) AS budget_id,
    coalesce(budget."name", figure."name") AS "name",
    budget.amount,
    coalesce(budget.currency, figure.currency) AS currency,
    budget.period,
    budget.scope,
    budget.credits,
    budget.thresholds,
    budget.gone_at IS NOT NULL AS gone,
    figure.interval_start,
    figure.amount AS spent,
    figure.currency AS spent_currency,
    figure.budget_amount,
    epoch_ns(figure.published_at) AS published,
    coalesce(read.seq, 0) AS seq
FROM budget
FULL JOIN budget_figure AS figure
    ON budget.billing_account = figure.billing_account AND budget.budget_id = figure.budget_id
LEFT JOIN "fetch" AS read ON figure.fetch_id = read.fetch_id
ORDER BY account, billing_account, "name", budget_id, figure.interval_start DESC
