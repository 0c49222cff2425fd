"""Budgets of the samples on loopback, and a store to read them into."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aispend_pipeline.budgets.kept import Kept, budgets
from aispend_pipeline.budgets.reading import MOST_PULLS, BudgetsRead, read_budgets
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.building import SetClock

from .google import SUBSCRIPTION, FakeGoogle, key_of, sample_budgets, sample_deliveries
from .samples import BILLING_ACCOUNT

NOW = datetime(2026, 11, 18, 13, 10, tzinfo=UTC)


@dataclass
class World:
    """A home, the time, a Google, and what is set."""

    home: Path
    clock: SetClock
    google: FakeGoogle
    environment: dict[str, str]

    def settings(self, **more: str) -> Settings:
        """An empty text takes a setting away."""
        return Settings.load({**self.environment, **more}, None)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.home, self.clock)

    def read(self, most_pulls: int = MOST_PULLS, **more: str) -> dict[str, BudgetsRead]:
        """Read once; by account."""
        of, limits = self.settings(**more), Limits(attempts=2)
        done = read_budgets(of, self.warehouse, clock=self.clock, limits=limits, most_pulls=most_pulls)
        return {one.account: one for one in done}

    def look(self, sql: str) -> list[tuple[Any, ...]]:
        with Snapshots(self.home).current()[1] as cursor:
            return cursor.execute(sql).fetchall()

    def kept(self) -> dict[str, Kept]:
        """What is known of each budget, by its name."""
        with Snapshots(self.home).current()[1] as cursor:
            return {one.name: one for one in budgets(cursor)}


@pytest.fixture(scope="package")
def empty_home(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("empty") / "home"
    Warehouse(made, SetClock(NOW)).publish()
    return made


@pytest.fixture(scope="package")
def served_google() -> Iterator[tuple[FakeGoogle, str]]:
    google = FakeGoogle()
    with served(google.app()) as base:
        yield google, base


def begun(home: Path, google: FakeGoogle, base: str) -> World:
    """Account `default`, with the samples' budgets and messages at Google."""
    google.begin_anew(sample_budgets(), sample_deliveries())
    environment = {
        "AISPEND_HOME": str(home),
        "GCP_SA_JSON": key_of(base),
        "GCP_BILLING_ACCOUNT_ID": BILLING_ACCOUNT,
        "GCP_PUBSUB_SUBSCRIPTION": SUBSCRIPTION,
        "GCP_BUDGETS_ENDPOINT": base,
        "GCP_PUBSUB_ENDPOINT": base,
    }
    return World(home, SetClock(NOW), google, environment)


@pytest.fixture
def world(empty_home, home, served_google) -> World:
    """Where nothing was read yet."""
    shutil.copytree(empty_home, home)
    return begun(home, *served_google)


@pytest.fixture(scope="package")
def read_home(empty_home, tmp_path_factory, served_google) -> Path:
    made = tmp_path_factory.mktemp("read") / "home"
    shutil.copytree(empty_home, made)
    begun(made, *served_google).read()
    return made


@pytest.fixture
def read_world(read_home, home, served_google) -> World:
    """Where the samples were read."""
    shutil.copytree(read_home, home)
    return begun(home, *served_google)


@pytest.fixture
def logged() -> Callable[[], list[str]]:
    """What the log says while the test runs."""
    from aispend_pipeline.log import listened

    lines: list[str] = []
    with listened(lines.append):
        yield lambda: lines
