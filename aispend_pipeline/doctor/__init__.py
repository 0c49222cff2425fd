"""What is wrong with an installation, and what to do about it; and last month's totals, to hold against the invoice."""
