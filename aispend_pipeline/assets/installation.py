"""The resources: this installation's settings, clock and warehouse, read when a run needs them.

Dagster shows a resource's fields to whoever opens its UI and keeps them with every job's snapshot, so
there is none that could hold a secret, and definitions load without any setting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from dagster_duckdb import DuckDBResource

from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.rollup.add_up import Outcome
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse, snapshots_of


class Installation:
    """Settings, clock and limits; without `settings`, what the environment says at each use."""

    def __init__(
        self, settings: Settings | None = None, clock: Clock | None = None, limits: Limits | None = None
    ) -> None:
        self._settings = settings
        self.clock = clock or SystemClock()
        self.limits = limits or Limits()
        # What adding up did in this process, for the command that asked for it.
        self.outcomes: list[Outcome] = []

    @property
    def settings(self) -> Settings:
        """The settings of this installation."""
        return self._settings or Settings.load()

    @property
    def warehouse(self) -> Warehouse:
        """The store of this installation's home."""
        return Warehouse(self.settings.home, self.clock)


class SnapshotResource(DuckDBResource):
    """DuckDB on the newest published snapshot, read-only; the writer's own file is never opened here.

    `database` is the installation's folder, empty for `AISPEND_HOME`.
    """

    database: str = ""

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on the newest snapshot."""
        home = Path(self.database) if self.database else Settings.load().home
        with snapshots_of(home).current()[1] as cursor:
            yield cursor
