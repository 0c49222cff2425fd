"""`POST /admin/recompute`: days again from stored pages, or what that would change; and how far it is."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from aispend_pipeline.clock import utc_text
from aispend_pipeline.due import start_date
from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.log import log
from aispend_pipeline.model import Window
from aispend_pipeline.recompute import child, requests
from aispend_pipeline.recompute.asking import Recompute
from aispend_pipeline.recompute.days import Days, days_of
from aispend_pipeline.recompute.process import TOLD
from aispend_pipeline.service import answers
from aispend_pipeline.service.access import ADMIN, AdminToken
from aispend_pipeline.service.admin import no_body
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import Kind, Problem, answered, documented
from aispend_pipeline.service.recompute_parameters import RecomputeParameters
from aispend_pipeline.service.recompute_schemas import ID, DifferencesBody, RequestBody
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.settings import Settings
from aispend_pipeline.threads import apart
from aispend_pipeline.warehouse import lock

# A dry run that takes longer is of too many days for one answer.
DRY_RUN_SECONDS = 120.0
PATH = "/admin/recompute"
_OURS = ("admin-disabled", "store")
_UNKNOWN = {"unknown-request": Kind(404, "no request to recompute has this id")}
_REFUSED = {
    "already-running": Kind(
        409,
        f"days 2026-06-01..2026-06-12 are being made again since 2026-06-12T13:20:00Z; follow it at {PATH}/{ID}",
    ),
    "no-pages": Kind(409, "pages have expired, and figures stay: 2026-03-01..2026-03-04; nothing was begun"),
    "dry-run-failed": Kind(503, "it took longer than 120 s; ask for fewer days"),
}
RequestId = Annotated[str, Path(description="the `run_id` that the request was answered with", examples=[ID])]
_PLACE = {"type": "string", "format": "uri-reference"}
_LOCATION = {"description": "Where to follow it", "schema": _PLACE}
_OF_OPEN = {"description": "already-running: where to follow the request that is open", "schema": _PLACE}
_WAIT = {"description": "already-running without a Location: seconds to wait", "schema": {"type": "integer"}}
_FAILURES = documented(*_OURS, "too-large", more=_REFUSED | ADMIN)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": DifferencesBody, "description": "What would change, with dryRun=true; nothing did"},
    202: {"model": RequestBody, "description": "It was begun", "headers": {"Location": _LOCATION}},
    **_FAILURES,
    409: {**_FAILURES[409], "headers": {"Location": _OF_OPEN, "Retry-After": _WAIT}},
}


def add_recompute(app: FastAPI, service: Service, dry_run_seconds: float = DRY_RUN_SECONDS) -> None:
    """The routes, behind the admin token."""
    token = Depends(AdminToken(lambda: service.now().settings.admin_token))

    @app.post(
        PATH,
        summary="Make rows and sums of days again from their stored pages, or say what that would change",
        tags=["Administration"],
        status_code=202,
        responses=_ANSWERS,
        dependencies=[token, Depends(no_body)],
    )
    async def start_recompute(request: Request, parameters: Annotated[RecomputeParameters, Query()]) -> Response:
        """Providers are not asked again. At most one request is open; a dry run changes nothing and answers at once.

        Days whose pages have expired keep their figures: asked for by name they are refused, by default left out.
        """
        settings, today = service.now().settings, service.clock.now().date()
        window = parameters.window(start_date(settings, today), today)
        days = await service.read(lambda _, cursor: days_of(cursor, window))
        _refuse(days, explicit=parameters.explicit)
        if parameters.dry_run:
            return await _differences(request, settings, days.ready, dry_run_seconds)
        asked = await apart(lambda: _begun(Recompute(settings, service.clock), days))
        answer = live(asked)
        answer.status_code, answer.headers["location"] = 202, asked["status_url"]
        return answer

    @app.get(
        f"{PATH}/{{run_id}}",
        summary="How far a request to recompute is, and what became of it",
        tags=["Administration"],
        responses=answered(RequestBody, *_OURS, says="The request as it is now", more=_UNKNOWN | ADMIN),
        dependencies=[token],
    )
    async def get_recompute(run_id: RequestId, _: Annotated[NoParameters, Query()]) -> Response:
        return live(await apart(lambda: _found(Recompute(service.now().settings, service.clock), run_id)))


def _refuse(days: Days, *, explicit: bool) -> None:
    """Raises `Problem` if days that were asked for cannot be made again; by default those that can are taken."""
    refusal = days.refusal()
    if refusal is not None and (explicit or not days.ready):
        raise Problem(409, "no-pages", f"{refusal}; nothing was begun")


def _begun(of: Recompute, days: Days) -> dict[str, Any]:
    """The body of 202; `Problem` while another request is open."""
    try:
        return _shown(of, of.ask(days))
    except requests.AlreadyRunning as error:
        if error.request is None:
            raise _already_running(f"{error}; ask again", {"retry-after": "1"}) from None
        place = f"{PATH}/{error.request.id}"
        raise _already_running(f"{error}; follow it at {place}", {"location": place}) from None


def _already_running(detail: str, headers: dict[str, str]) -> Problem:
    return Problem(409, "already-running", detail, headers)


def _found(of: Recompute, run_id: str) -> dict[str, Any]:
    request = of.get(run_id)
    if request is None:
        raise Problem(404, "unknown-request", "no request to recompute has this id")
    return _shown(of, request)


def _shown(of: Recompute, request: requests.Request) -> dict[str, Any]:
    return {
        "run_id": request.id,
        "status_url": f"{PATH}/{request.id}",
        "state": request.state,
        "how": request.how,
        **answers.days(request.window),
        "asked_at": utc_text(request.asked_at),
        "ended_at": utc_text(request.ended_at) if request.ended_at else None,
        "runs": [
            {"run_id": piece.run_id, **answers.days(piece.window), "state": piece.state, "url": of.page(request, piece)}
            for piece in request.pieces
        ],
        "not_remade": [line for piece in request.pieces for line in piece.not_remade],
        "errors": [line for piece in request.pieces for line in piece.errors]
        + ([request.error] if request.error else []),
        "kept": list(request.kept),
        "left_out": [{**answers.days(one.window), "why": one.why} for one in request.left_out],
    }


async def _differences(request: Request, settings: Settings, windows: Sequence[Window], seconds: float) -> Response:
    """What would change, from a process that ends with the time or the client; `Problem` where it cannot be told."""
    try:
        with lock.held(settings.home / child.DRY_RUNNING, 0) as held:
            process = child.DryRun(settings, windows, held)
    except StoreBusy:
        raise _already_running("a dry run is under way; ask again when it is done", {"retry-after": "10"}) from None
    answer, gone = asyncio.ensure_future(apart(lambda: process.result(seconds))), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
        code, body, said = answer.result()
    except TimeoutError:
        raise Problem(503, "dry-run-failed", f"it took longer than {seconds:g} s; ask for fewer days") from None
    finally:
        process.end()
        answer.cancel()
        gone.cancel()
    return _of_process(code, body, said)


def _of_process(code: int, body: bytes, said: str) -> Response:
    if code == TOLD:
        raise Problem(503, "dry-run-failed", said[:500], {"retry-after": "10"})
    if code:
        log.error("fault", what="a dry run", error=said[:2000] or f"exit code {code}")
        raise Problem(503, "dry-run-failed", "its process failed; the log says why")
    return Response(body, headers={"cache-control": "no-store"}, media_type="application/json")


async def _gone(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
