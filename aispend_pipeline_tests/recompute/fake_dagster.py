"""A Dagster that says what it is told to say."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aispend_pipeline.assets.tags import FIRST, HOME
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline_tests.service.world import NOW


@dataclass
class FakeDagster:
    """Healthy, of `home`, and taking every run; `broken` answers instead where it is set."""

    home: Path
    port: int = 0
    healthy: bool | None = True
    heard_at: float | None = field(default_factory=NOW.timestamp)
    runs: list[dict[str, Any]] = field(default_factory=list)  # the newest first, as Dagster has them
    refusals: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    broken: dict[str, Response] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def settings(self) -> Settings:
        own = {"AISPEND_HOME": str(self.home), "AISPEND_DAGSTER_PORT": str(self.port)}
        return Settings.load(own, dotenv=None)

    def set(self, number: int, status: str, **tags: str) -> None:
        """The state of a run, by its number among those that were queued."""
        run = [*reversed(self.runs)][number]
        run["status"] = status
        run["tags"] += [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]

    def retried(self, number: int) -> None:
        """Another run in place of one that died."""
        before = [*reversed(self.runs)][number]
        self.runs.insert(0, {"runId": f"{before['runId']}-again", "status": "QUEUED", "tags": before["tags"][:-1]})

    async def answer(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        name = asked["query"].split()[1].partition("(")[0]
        self.asked.append({"name": name, **asked})
        if name in self.broken:
            return self.broken[name]
        answers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "Health": self._health,
            "Launch": self._launch,
            "Runs": lambda _: {"runsOrError": {"results": self.runs}},
            "Events": lambda _: {"runOrError": {"eventConnection": {"events": self.events}}},
        }
        return JSONResponse({"data": answers[name](asked["variables"])})

    def _health(self, variables: dict[str, Any]) -> Any:
        daemon = {"healthy": self.healthy, "lastHeartbeatTime": self.heard_at}
        entries = [{"label": HOME, "text": str(self.home.resolve())}]
        return {
            "instance": {"daemonHealth": {"daemonStatus": daemon}},
            "pipelineOrError": {"metadataEntries": entries},
        }

    def _launch(self, variables: dict[str, Any]) -> Any:
        results: list[dict[str, Any]] = []
        for number, one in enumerate(variables["runs"]):
            if number < self.refusals:
                results.append({"message": "Could not find Pipeline\nand more"})
                continue
            tags = one["executionMetadata"]["tags"]
            run = {"runId": f"run-{next(tag['value'] for tag in tags if tag['key'] == FIRST)}", "status": "QUEUED"}
            self.runs.insert(0, {**run, "tags": tags})
            results.append({"run": run})
        return {"launchMultipleRuns": {"launchMultipleRunsResult": results}}


@contextmanager
def fake_dagster(home: Path) -> Iterator[FakeDagster]:
    """It answers on loopback until the block ends."""
    made = FakeDagster(home)
    with served(Starlette(routes=[Route("/graphql", made.answer, methods=["POST"])])) as base:
        made.port = urlsplit(base).port or 0
        yield made
