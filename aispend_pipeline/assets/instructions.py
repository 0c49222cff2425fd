"""What an operator reads in Dagster's UI where they stand: how to read days again, and how to make them again."""

BACKFILL = """
**To read days** again, or from before the start: select all of `raw` but `vertex_budget`, with `spend`,
`usage`, `estimate` and `spend_daily`; then Materialize, choose the days, and launch the backfill. It is cut
into runs of a month, reads every account, and may be repeated at will. Some of Anthropic's days may wait for
the call budget: every hour goes on with them.
"""

RECOMPUTE = """
**To make days again** from the pages that are stored, materialize it for these days without `raw`: `spend`,
`usage`, `estimate` and `spend_daily` are made together, whichever is asked for, and no provider is called. A
day whose pages have expired keeps what it has.
"""

HOURLY_INGEST = """
Reads the providers, then adds up. The schedule of this name asks for the two apart, every hour, with the days
that are due.

To read other days, backfill the assets, not this job: it would be a run for each day.
"""

RECOMPUTE_JOB = """
Makes rows, sums and coverage of days again from the pages that are stored; no provider is called. `aispend
recompute` and `POST /admin/recompute` do the same, a month a run. A day whose pages have expired keeps what it
has.
"""

NOTIFY = """
Evaluates the caps and sends what is due. The sensor `cap_check` asks for it; it may be launched by hand at any
time, since nothing is told twice.
"""

RETENTION = """
Deletes pages that were fetched more than `AISPEND_RETENTION_DAYS` ago, and old records of runs; figures stay.
It runs every night, and may be launched by hand at any time.
"""
