"""Two accounts at each simulated provider, on a clock that stands still, with a Dagster instance of its own."""

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import Step, steps
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.due import Due
from aispend_pipeline.ingest import read_source
from aispend_pipeline.model import Feed, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.tick import feeds_asked

KEYS = {"sk-admin-one-5c1e": "default", "sk-admin-two-9b7d": "eu"}
ANTHROPIC_KEYS = {"sk-ant-admin01-one-33ab": "default", "sk-ant-admin01-two-77cd": "eu"}
NOW = datetime(2026, 11, 20, 15, 2, tzinfo=UTC)
LOOK_BACK = Window(date(2026, 11, 18), date(2026, 11, 20))
RAW = {name: dg.AssetKey(["raw", name]) for name, source in SOURCES.items() if source.provider != "vertex"}


class StandingClock(SystemClock):
    """A clock that shows one instant, and does not wait; what it was asked to wait for is noted."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def keys_of_all(home: Path) -> dict[str, str]:
    """Keys of two accounts at each provider, and the home."""
    (one, two), (three, four) = KEYS, ANTHROPIC_KEYS
    return {
        "AISPEND_HOME": str(home),
        "OPENAI_API_KEY": one,
        "OPENAI_API_KEY__EU": two,
        "ANTHROPIC_API_KEY": three,
        "ANTHROPIC_API_KEY__EU": four,
    }


@dataclass(frozen=True)
class World:
    """An installation, its instance, and what one tick's look-back did."""

    installation: Installation
    instance: dg.DagsterInstance
    environment: dict[str, str]
    runs: tuple[in_process.Run, ...] = ()

    @property
    def home(self) -> Path:
        return self.installation.settings.home

    @property
    def clock(self) -> StandingClock:
        assert isinstance(self.installation.clock, StandingClock)
        return self.installation.clock


@contextmanager
def world(home: Path, **settings: str) -> Iterator[World]:
    """An installation in `home`, over simulated providers that are there as long as the block."""
    clock = StandingClock()
    with ExitStack() as stack:
        bases = {
            "OPENAI_BASE_URL": stack.enter_context(served(openai(KEYS, clock))) + "/v1",
            "ANTHROPIC_BASE_URL": stack.enter_context(served(anthropic(ANTHROPIC_KEYS, clock))),
        }
        environment = {**keys_of_all(home), **bases, **settings}
        made = Installation(Settings.load(environment, None), clock, Limits(attempts=1))
        made.warehouse.publish()
        yield World(made, stack.enter_context(in_process.instance_of(made.settings)), environment)


def run(world: World, *steps_: Step, job: str = "hourly_ingest") -> list[in_process.Run]:
    """The steps, one after the other, whatever becomes of them."""
    return [in_process.run_here(world.instance, world.installation, job, step.keys, step.tags) for step in steps_]


def ingest(world: World, window: Window = LOOK_BACK, feeds: Collection[Feed] = ()) -> list[in_process.Run]:
    """Reads and adds up `window` of `feeds`, all that there are if none is given."""
    asked = tuple(sorted(feeds or feeds_asked(world.installation.settings)))
    return run(world, *steps(Due(window, asked)))


def ingest_without_dagster(world: World, *asked: Due) -> None:
    """Reads and adds up the same, where it does not matter what Dagster records: a run of it takes a second."""
    made = world.installation
    for window, feeds in asked:
        for source, account in feeds:
            read_source(
                SOURCES[source],
                made.settings,
                made.warehouse,
                window,
                clock=made.clock,
                limits=made.limits,
                accounts=[account],
            )
        add_up(made.warehouse, window, made.clock)


def noted(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> dict[str, Any]:
    """By day, the newest note of that name."""
    records = instance.fetch_materializations(key, limit=100).records
    found = {}
    for record in reversed(records):
        metadata = record.asset_materialization.metadata
        if name in metadata:
            found[record.partition_key] = metadata[name].value
    return found


def days_made(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    """The days of `key` that are materialised."""
    return set(instance.get_materialized_partitions(key))


def check(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> Any:
    """The newest evaluation of a check."""
    [record] = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, name), 1)
    return record.event.dagster_event.event_specific_data


@pytest.fixture(scope="package")
def home_after_a_tick(tmp_path_factory) -> tuple[Path, tuple[in_process.Run, ...]]:
    """A home whose look-back was read and added up once, to copy from; and its runs."""
    home = tmp_path_factory.mktemp("assets") / "home"
    with world(home) as made:
        return home, tuple(ingest(made))


@pytest.fixture
def after_a_tick(home_after_a_tick, home) -> Iterator[World]:
    """An installation whose look-back was read and added up."""
    template, runs = home_after_a_tick
    shutil.copytree(template, home)
    with world(home) as made:
        yield World(made.installation, made.instance, made.environment, runs)


@pytest.fixture
def start(home) -> Iterator[Callable[..., World]]:
    """Starts an installation with more `settings` in an empty home."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(world(home, **settings))
