"""What an operator reads in Dagster's UI where they stand: how to read days again, and how to make them again.

Lists and graphs show it as it stands here, and pages as Markdown, so that nothing is marked up.
"""

_GRID = """
Days before AISPEND_START_DATE are missing in the grid of partitions, which begins with 2024, and that is normal. Which
days are missing that should be there, the check every_day_is_read of spend_daily says.
"""

# All that has days: the budgets are of none.
SELECTION = '+key:"spend_daily"'

BACKFILL = f"""
To read days again, or from before the start: Lineage, paste {SELECTION} into the search field, Enter,
Materialize all, choose the days, Launch backfill. It is cut into runs of a month, reads every account, and may be
repeated at will. Some of Anthropic's days may wait for the call budget: every hour goes on with them.
{_GRID}"""

RECOMPUTE = f"""
To make days again from the pages that are stored: Jobs, recompute, Overview, Materialize all, choose the days. spend,
usage, estimate and spend_daily are made together, whichever is asked for, and no provider is called. A day whose pages
have expired keeps what it has.
{_GRID}"""

HOURLY_INGEST = """
Reads the providers, then adds up. The schedule of this name asks for the two apart, every hour, with the days
that are due.

To read other days, backfill the assets, not this job: it would be a run for each day.
"""

RECOMPUTE_JOB = """
Makes rows, sums and coverage of days again from the pages that are stored; no provider is called. Overview,
Materialize all, choose the days. The command aispend recompute and POST /admin/recompute do the same, a month a run.
A day whose pages have expired keeps what it has.
"""

NOTIFY = """
Evaluates the caps and sends what is due. The sensor cap_check asks for it; it may be launched by hand at any
time, since nothing is told twice.
"""

RETENTION = """
Deletes pages that were fetched more than AISPEND_RETENTION_DAYS ago, and old records of our own runs; figures stay.
It runs every night, and may be launched by hand at any time.
"""
