"""A look into an SQLite file that changes nothing and waits for nobody for long."""

import sqlite3
from contextlib import closing
from pathlib import Path

from aispend_pipeline.state.trouble import unusable


def tables_in(file: Path, patience_seconds: float, remedy: str) -> int:
    """How many tables `file` has; `StoreError`, with `remedy`, when that cannot be told."""
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=patience_seconds)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return int(tables)
    except sqlite3.Error as error:
        raise unusable(file, error, remedy) from None
