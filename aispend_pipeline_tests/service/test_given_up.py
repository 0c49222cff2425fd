"""Questions that nobody waits for any more: they are given up, and keep neither a place nor a thread."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import duckdb
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aispend_pipeline.service.asking import Asking, GivenUp
from aispend_pipeline.service.guard import Awaited, guards
from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.metrics import add_metrics
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.state import add_state

from ..waiting import until
from .bounded import PATIENCE, answer
from .wire_world import GET, wired

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"
# More than there are threads for.
MANY = 5


@pytest.fixture
def service(settings, clock) -> Service:
    return Service(settings, clock, limits=Limits(answer_seconds=PATIENCE, answering=MANY, answering_one=MANY))


def endless(_, cursor) -> list:
    return cursor.execute(ENDLESS).fetchall()


def test_a_question_that_takes_too_long_is_given_up_and_holds_up_nobody(service):
    async def scene() -> int:
        service.limits = Limits(answer_seconds=0.01)
        for _ in range(MANY):
            with pytest.raises(Problem, match=r"longer than 0\.01 seconds") as raised:
                await service.read(endless)
            assert (raised.value.status, raised.value.kind) == (503, "too-slow")
        service.limits = Limits(answer_seconds=PATIENCE)
        return await service.read(lambda *_: 42)

    assert asyncio.run(asyncio.wait_for(scene(), PATIENCE)) == 42


def test_one_that_is_between_two_statements_just_then_does_not_begin_the_next(service):
    between, gone, ended, cursors = threading.Event(), threading.Event(), threading.Event(), []

    def ask(published, cursor) -> None:
        cursors.append(cursor)
        try:
            between.set()
            gone.wait(PATIENCE)
            endless(published, cursor)
        finally:
            ended.set()

    async def scene() -> None:
        asking = asyncio.create_task(service.read(ask))
        while not between.is_set():
            await asyncio.sleep(0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        gone.set()

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))
    given_up = ended.wait(PATIENCE)  # although the loop is over
    with suppress(duckdb.ConnectionException):  # it is closed
        cursors[0].interrupt()
    assert given_up


def test_one_that_was_given_up_before_there_was_a_thread_for_it_is_not_asked(service):
    asking = Asking(service.snapshots, lambda *_: pytest.fail("it was asked"))
    asking.give_up()

    with pytest.raises(GivenUp):
        asking.answer()


def test_whoever_hangs_up_leaves_place_and_threads_to_others(service):
    async def ask(request: Request) -> JSONResponse:
        return JSONResponse(await service.read(endless if request.url.path == "/endless" else lambda *_: 42))

    def counted(status: str) -> float | None:
        labels = {"method": "GET", "route": "/{path}", "status": status}
        return service.traffic.registry.get_sample_value("aispend_http_requests_total", labels)

    app = Starlette(routes=[Route("/{path}", ask)], middleware=guards(service))
    with wired(app) as made:
        for _ in range(MANY + 1):
            with made.connect() as connection:
                connection.sendall(GET.replace(b"/here", b"/endless") + b"\r\n")
                time.sleep(0.01)
        until(lambda: counted("4xx") == MANY + 1)  # as 499: it is no fault of ours
        with made.connect() as connection:
            connection.sendall(GET + b"\r\n")
            assert answer(connection).endswith(b"42")
    assert (counted("2xx"), counted("5xx")) == (1, None)


@pytest.mark.parametrize(("method", "ends"), [("GET", False), ("POST", True)])
def test_what_changes_something_is_done_to_its_end_whoever_hangs_up(method, ends):
    async def scene() -> list[str]:
        done = []

        async def change(scope, receive, send) -> None:
            await asyncio.sleep(0.01)
            done.append("changed")

        messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

        async def receive() -> dict:
            return messages.pop(0)

        try:
            await Awaited(change)({"type": "http", "method": method}, receive, receive)
        except ClientDisconnect:
            done.append("gone")
        return done

    assert asyncio.run(scene()) == (["changed"] if ends else ["gone"])


@asynccontextmanager
async def all_threads_busy(service: Service) -> AsyncIterator[None]:
    """Every thread for questions has one that does not end, while the block runs."""
    go_on = threading.Event()
    asking = [asyncio.create_task(service.read(lambda *_: go_on.wait(PATIENCE))) for _ in range(MANY)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        go_on.set()
        await asyncio.gather(*asking)


def test_who_watches_is_answered_while_all_threads_are_busy(service):
    app = FastAPI()
    add_state(app, service)
    add_metrics(app, service)

    async def scene() -> list[int]:
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client,
            all_threads_busy(service),
            asyncio.timeout(PATIENCE / 2),
        ):
            return [(await client.get(path)).status_code for path in ("/status", "/metrics")]

    assert asyncio.run(scene()) == [200, 200]
