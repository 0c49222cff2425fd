"""Routes that change or send something: each needs the admin token, and none is open without one."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import Response

from aispend_pipeline.alerts.by_hand import Tested, send_test
from aispend_pipeline.alerts.channels import HOOK, Channel, channels
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.clock import utc_text
from aispend_pipeline.service.access import ADMIN, AdminToken
from aispend_pipeline.service.parameters import AlertTestParameters
from aispend_pipeline.service.problems import Kind, Problem, answered
from aispend_pipeline.service.schemas import AlertTestBody
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.settings import CHANNEL_SETTINGS
from aispend_pipeline.state.database import state_of

# Nothing that these routes take is longer.
MOST_BYTES = 20_000
_REFUSED = {"no-channel": Kind(409, f"no channel is configured; set {CHANNEL_SETTINGS}")}


async def no_body(request: Request) -> None:
    """Refuses a body, so that nobody takes what is in it for heard; a long one is not read to its end."""
    read = 0
    async for part in request.stream():
        read += len(part)
        if read > MOST_BYTES:
            raise Problem(413, "too-large", f"the body is longer than {MOST_BYTES} bytes; this route takes none")
    if read:
        raise Problem(422, "unexpected-body", "this route takes no body, only parameters in the query")


def add_admin(app: FastAPI, service: Service) -> None:
    """The routes, each behind the token."""
    token = Depends(AdminToken(lambda: service.now().settings.admin_token))

    @app.post(
        "/test/alert",
        summary="Send a test message through every channel, and say what became of it",
        tags=["Administration"],
        responses=answered(
            AlertTestBody, "admin-disabled", "too-large", "store", says="What became of it", more=_REFUSED | ADMIN
        ),
        dependencies=[token, Depends(no_body)],
    )
    async def test_alert(parameters: Annotated[AlertTestParameters, Query()]) -> Response:
        """It answers when every channel has taken the message or failed; a message that failed is tried again later."""
        return live(await service.send(lambda: _tested(service, hook=parameters.hook)))


def _tested(service: Service, *, hook: bool) -> dict[str, Any]:
    """The body of `POST /test/alert`, once every channel has taken the message or failed."""
    settings = service.now().settings
    configured = channels(settings)
    _some_channel(configured, hook=hook)
    done = {one.channel: one for one in send_test(state_of(settings.home), configured, service.clock, "api", hook=hook)}
    well = all(one.status is Status.DELIVERED for one in done.values())
    return {"status": "ok" if well else "failing", "channels": {name: _shown(done.get(name)) for name in configured}}


def _some_channel(configured: Mapping[str, Channel], *, hook: bool) -> None:
    """Raises `Problem` if nothing would be sent."""
    if not configured:
        raise Problem(409, "no-channel", f"no channel is configured; set {CHANNEL_SETTINGS}")
    if {*configured} == {HOOK} and not hook:
        raise Problem(409, "no-channel", "no channel but the hook is configured; to test that one, ask with ?hook=true")


def _shown(one: Tested | None) -> dict[str, str | None]:
    if one is None:
        return {"status": "not_asked", "error": None, "next_at": None}
    return {"status": one.status, "error": one.error, "next_at": utc_text(one.next_at) if one.next_at else None}
