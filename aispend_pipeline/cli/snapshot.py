"""`aispend snapshot`: the newest snapshot's file, for notebooks and other programs that read DuckDB."""

import sys

from aispend_pipeline.cli import screen
from aispend_pipeline.errors import StoreError, Trouble
from aispend_pipeline.warehouse.snapshots import missing, readable


def path() -> int:
    """Print where it is, and on standard error of when it is and how it is opened.

    Raises `NothingPublished` where there is none, `StoreError` where its file is gone.
    """
    home = screen.load_settings().home.absolute()
    published = readable(home)
    file = home / "snapshots" / published.file
    if not file.exists():
        raise StoreError(missing(home), Trouble.MISSING)
    print(file)
    told = "open it with duckdb.connect(path, read_only=True), and ask for the path again for newer figures"
    print(f"as of {published.at}; {told}", file=sys.stderr)
    return 0
