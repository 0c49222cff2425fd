"""An installation over the simulated OpenAI, on a clock that stands still, with a Dagster instance of its own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.sources.http import Limits

KEYS = {"sk-admin-one-5c1e": "default", "sk-admin-two-9b7d": "eu"}
NOW = datetime(2026, 11, 20, 15, 2, tzinfo=UTC)
LOOK_BACK = Window(date(2026, 11, 18), date(2026, 11, 20))


class StandingClock(SystemClock):
    """A clock that shows one instant, and does not wait."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def environment(home, serve_app, clock) -> dict[str, str]:
    base = serve_app(openai(KEYS, clock))
    one, two = KEYS
    return {
        "AISPEND_HOME": str(home),
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_KEY": one,
        "OPENAI_API_KEY__EU": two,
    }


@pytest.fixture
def installation(environment, clock) -> Installation:
    made = Installation(Settings.load(environment, None), clock, Limits(attempts=2))
    made.warehouse.publish()
    return made


@pytest.fixture
def instance(installation: Installation) -> Iterator[dg.DagsterInstance]:
    with in_process.instance_of(installation.settings) as opened:
        yield opened
