"""The tie-out of a month: what was billed to each account, how final that is, and what an invoice says of it."""
