"""A clock that stands, and Googles that are served until their tests are over."""

from collections.abc import Iterator

import pytest

from aispend_pipeline.simulator.google import google, samples_bigquery
from aispend_pipeline.simulator.server import served

from ..service.world import StandingClock
from .google_calls import ACCOUNTS, ROWS


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="module")
def samples() -> Iterator[str]:
    """The address of a BigQuery whose table has the sample rows."""
    with served(samples_bigquery(ROWS, StandingClock())) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def simulated():
    """The address of a Google where nothing is out of the ordinary, and its tokens."""
    app = google(ACCOUNTS, StandingClock())
    with served(app) as base_url:
        yield base_url, app.state.tokens


@pytest.fixture
def books(serve_app, clock):
    """Serves a Google that is told apart by `how`; its address, and its tokens."""

    def make(**how):
        app = google(ACCOUNTS, clock, **how)
        return serve_app(app), app.state.tokens

    return make
