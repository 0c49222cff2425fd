"""Google's budgets: what they are set to, and how much their notifications say is spent so far.

Context, and never spend: a budget has no day and no model, and its month is Pacific. Read every hour, beside the daily
grid.
"""
