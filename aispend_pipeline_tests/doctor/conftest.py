import logging
import shutil
from collections import namedtuple
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from aispend_pipeline import log
from aispend_pipeline.simulator.google import samples_bigquery

from ..sources.google_world import ROWS
from ..warehouse.building import SetClock
from .google import DEAD, FRESH, NOVEMBER, Google, Served, environment
from .world import World, served_at

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def world(tmp_path, monkeypatch) -> Iterator[World]:
    """Nothing is set in it yet, and its disk has 20 GiB left; only warnings are logged, as by every command."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**35, 2**34, 20 * 2**30))
    log.configure(logging.WARNING)
    with ExitStack() as stack:
        stack.callback(log.configure)
        yield World(tmp_path, stack)


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    clock = SetClock(FRESH)
    made = Served(clock, samples_bigquery(ROWS, clock))
    with served_at(made, made.clock, timedelta(0)) as made.base:
        yield made


@pytest.fixture
def google(world, served, capsys) -> Google:
    return Google(world, served, capsys)


@pytest.fixture(scope="package")
def november(served, tmp_path_factory) -> Path:
    """A home into which November was read, of all billing accounts."""
    with ExitStack() as stack:
        made = World(tmp_path_factory.mktemp("november"), stack, served.clock)
        served.clock.instant, served.app = DEAD, served.samples
        made.environment |= environment(served.base, GCP_BILLING_ACCOUNT_ID="")
        made.fill(NOVEMBER, "vertex_billing")
        return made.home
