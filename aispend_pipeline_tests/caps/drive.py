"""Drives the machine over the package in a folder, and says what broke: `python -m ...drive FOLDER EXAMPLES`."""

import logging
import sqlite3
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event
from sqlalchemy.pool import Pool

import aispend_pipeline
from aispend_pipeline import log
from aispend_pipeline_tests.caps.machine import CapsMachine


@event.listens_for(Pool, "checkout")
def hasty(connection: sqlite3.Connection, *_: object) -> None:
    """Nobody waits for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def main(folder: str, examples: str) -> int:
    """1, and a line, if a promise is broken."""
    assert Path(aispend_pipeline.__file__).is_relative_to(folder)
    log.configure(logging.CRITICAL)
    try:
        run_state_machine_as_test(
            CapsMachine,
            settings=settings(
                max_examples=int(examples),
                stateful_step_count=50,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
    except Exception as error:
        print(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'a promise is broken'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
