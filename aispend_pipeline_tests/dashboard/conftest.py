"""The dashboard in a real browser, over a home that is filled once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from aispend_pipeline.service.app import create_app
from aispend_pipeline.simulator.server import served

from ..service.world import StandingClock, filled
from .browser import chromium

CAPS = {"OPENAI_SOFT_CAP": "100", "OPENAI_HARD_CAP": "1000000", "GLOBAL_HARD_CAP": "1000000"}
TOKEN = "an-admin-token-of-tests"


@pytest.fixture(scope="package")
def settings(tmp_path_factory):
    home = tmp_path_factory.mktemp("dashboard") / "home"
    with filled(home, StandingClock(), ADMIN_TOKEN=TOKEN, **CAPS) as made:
        yield made


@pytest.fixture(scope="package")
def address(settings) -> Iterator[str]:
    """Where the dashboard is."""
    with served(create_app(settings, StandingClock())) as base:
        yield base


@pytest.fixture(scope="package")
def browser(address) -> Iterator[Browser]:
    """Started when all is read: while it runs, its event loop is this thread's."""
    with chromium() as started:
        yield started
