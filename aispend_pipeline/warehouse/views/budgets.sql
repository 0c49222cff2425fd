-- Google's budgets as they are set, with the newest figure that Google told of each: it is no day's, and part of no
-- sum.
CREATE OR REPLACE VIEW budgets AS
SELECT
    budget.account, -- the name under which its key is set
    budget.billing_account, -- Google's id
    budget.budget_id, -- Google's id
    budget."name", -- as it is called
    budget.period, -- MONTH, QUARTER, YEAR or CUSTOM
    budget.scope, -- which services it is about
    budget.amount AS set_to, -- the budget, in its currency; null where it is what the last period cost
    budget.currency, -- ISO 4217
    told.interval_start, -- since when it is spent, UTC (a Pacific midnight); a row each
    told.amount AS spent, -- since then, by the newest notification; null if there is none
    told.published_at, -- when Google said so, UTC
    budget.gone_at -- when it was found to be deleted, UTC
FROM budget
LEFT JOIN budget_figure AS told
    ON budget.billing_account = told.billing_account AND budget.budget_id = told.budget_id;
