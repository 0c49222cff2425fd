"""The resources: this installation's settings, clock and warehouse, opened when a run needs them.

They have no configurable field that holds a secret: Dagster shows fields to whoever opens its UI and keeps them
with every job's snapshot. The settings are read inside, so definitions load without any.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import PrivateAttr

from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse


class Installation(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Settings, clock and limits of this installation."""

    _settings: Settings | None = PrivateAttr(default=None)
    _clock: Clock = PrivateAttr(default_factory=SystemClock)
    _limits: Limits = PrivateAttr(default_factory=Limits)

    @classmethod
    def of(cls, settings: Settings, clock: Clock | None = None, limits: Limits | None = None) -> "Installation":
        """An installation with these parts instead of the environment's."""
        made = cls()
        made._settings, made._clock, made._limits = (
            settings,
            clock or SystemClock(),
            limits or Limits(),
        )
        return made

    @property
    def settings(self) -> Settings:
        """What the environment says now."""
        return self._settings or Settings.load()

    @property
    def clock(self) -> Clock:
        """The one clock."""
        return self._clock

    @property
    def limits(self) -> Limits:
        """The bounds of reading a provider."""
        return self._limits

    @property
    def warehouse(self) -> Warehouse:
        """The store of this installation's home."""
        return Warehouse(self.settings.home, self.clock)


class SnapshotResource(DuckDBResource):
    """DuckDB on the newest published snapshot, read-only; the writer's own file is never opened here."""

    database: str = "the newest published snapshot"
    _settings: Settings | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, installation: Installation) -> "SnapshotResource":
        """The snapshots of `installation`."""
        made = cls()
        made._settings = installation._settings
        return made

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on the newest snapshot."""
        with Snapshots((self._settings or Settings.load()).home).current()[1] as cursor:
            yield cursor
