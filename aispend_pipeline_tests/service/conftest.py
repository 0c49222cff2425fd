"""The service in this process, over a home that is filled once."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from .world import StandingClock, filled


@pytest.fixture(scope="package")
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="package")
def settings(tmp_path_factory, clock) -> Iterator[Settings]:
    """Of a home that is only read from; the provider still runs."""
    with filled(tmp_path_factory.mktemp("service") / "home", clock) as made:
        yield made


@pytest.fixture(scope="package")
def client(settings, clock) -> TestClient:
    return TestClient(create_app(settings, clock), raise_server_exceptions=False)


@pytest.fixture
def get(client) -> Callable:
    """Asks for JSON and gives it, after a look at the status."""

    def ask(path: str, status: int = 200, **parameters: object) -> dict:
        answer = client.get(path, params={name.rstrip("_"): value for name, value in parameters.items()})
        assert answer.status_code == status, answer.text
        return answer.json()

    return ask
