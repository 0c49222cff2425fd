"""From stored pages to rows, sums, coverage and restatements: one transaction, asserted before COMMIT."""
