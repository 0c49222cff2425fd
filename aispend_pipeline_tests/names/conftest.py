"""Two organisations at each provider, whose lists a test may change, over loopback, and a store to read them into."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline.names.reading import NamesRead, read_names
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.conftest import ROOT

SAMPLES = ROOT / "data" / "samples"
MORNING = datetime(2026, 11, 25, 0, 0, 20, tzinfo=UTC)
OPENAI_KEY, EU_KEY, ANTHROPIC_KEY = "sk-admin-one-5c1e", "sk-admin-two-9b7d", "sk-ant-admin01-three-77aa"


class SetClock:
    """A clock that shows what it was set to; whoever waits moves it on."""

    def __init__(self, instant: datetime = MORNING) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def item(id_: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": name, **more}


def sample(provider: str, name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / provider / f"{name}.json").read_text())


@dataclass
class FakeProvider:
    """Lists by key and path. A list of items is paged; anything else that is set for a path is its answer.

    `asked` has every request as it came, with the key that made it.
    """

    lists: dict[tuple[str, str], Any] = field(default_factory=dict)
    page: int = 1000
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._endpoint)])

    async def _endpoint(self, request: Request) -> Response:
        key = request.headers.get("x-api-key") or request.headers["authorization"].removeprefix("Bearer ")
        path = request.url.path.removeprefix("/v1")
        params = dict(request.query_params)
        self.asked.append((key, path, params))
        answer = self.lists.get((key, path), (404, {"error": {"message": "nothing here"}}))
        if isinstance(answer, list):
            return _json(200, self._paged(answer, params))
        return _json(*answer) if isinstance(answer, tuple) else _json(200, answer)

    def _paged(self, items: Sequence[dict[str, Any]], params: dict[str, str]) -> dict[str, Any]:
        after = params.get("after") or params.get("after_id")
        start = [one["id"] for one in items].index(after) + 1 if after else 0
        data = items[start : start + min(self.page, int(params["limit"]))]
        more = start + len(data) < len(items)
        return {"data": data, "has_more": more, "last_id": data[-1]["id"] if data else None}

    def paths(self, key: str) -> list[str]:
        return [path for asker, path, _ in self.asked if asker == key]


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")


def openai_lists(key: str, projects: Sequence[dict], users: Sequence[dict] = (), **keys: Sequence[dict]) -> dict:
    """The lists of one OpenAI organisation; `keys` by project."""
    return {
        (key, "/organization/projects"): list(projects),
        (key, "/organization/users"): list(users),
        **{(key, f"/organization/projects/{project}/api_keys"): list(of) for project, of in keys.items()},
    }


def anthropic_lists(
    key: str, workspaces: Sequence[dict], keys: Sequence[dict] = (), users: Sequence[dict] = ()
) -> dict:
    """The lists of one Anthropic organisation."""
    return {
        (key, "/organizations/me"): {"id": "org_1", "name": "Example", "type": "organization"},
        (key, "/organizations/workspaces"): list(workspaces),
        (key, "/organizations/api_keys"): list(keys),
        (key, "/organizations/users"): list(users),
    }


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def provider() -> FakeProvider:
    """One organisation at each provider, with one thing of each kind."""
    made = FakeProvider()
    made.lists |= openai_lists(
        OPENAI_KEY, [item("proj_1", "search")], [item("user_1", "Ada")], proj_1=[item("key_1", "ci")]
    )
    made.lists |= anthropic_lists(
        ANTHROPIC_KEY, [item("wrkspc_1", "research")], [item("apikey_1", "ci")], [item("user_2", "Grace")]
    )
    return made


@pytest.fixture
def environment(home, provider, serve_app) -> dict[str, str]:
    base = serve_app(provider.app())
    return {
        "AISPEND_HOME": str(home),
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_KEY": OPENAI_KEY,
        "ANTHROPIC_BASE_URL": base,
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
    }


@pytest.fixture
def read(environment, home, clock) -> Callable[..., dict[str, NamesRead]]:
    """Reads the names of all accounts once; `settings` are added to the environment."""

    def once(**settings: str) -> dict[str, NamesRead]:
        made = Settings.load({**environment, **settings}, None)
        done = read_names(made, Warehouse(home, clock), clock=clock, limits=Limits(attempts=2))
        return {str(one): one for one in done}

    return once


def look(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of `sql` in the newest snapshot."""
    with Snapshots(home).current()[1] as cursor:
        return cursor.execute(sql).fetchall()


def kept(home: Path, provider: str = "openai", account: str = "default") -> set[tuple[str, str, str]]:
    """Kind, id and name of all that is kept of an account."""
    rows = look(home, 'SELECT provider, account, kind, id, "name" FROM "name"')
    return {row[2:] for row in rows if row[:2] == (provider, account)}
