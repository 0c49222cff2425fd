"""Routes that change or send something: each needs the admin token, and none is open without one."""

from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import Response
from fastapi.security.base import SecurityBase
from pydantic import SecretStr

from aispend_pipeline.alerts.by_hand import Tested, send_test
from aispend_pipeline.alerts.channels import HOOK, Channel, channels
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.clock import utc_text
from aispend_pipeline.service.parameters import AlertTestParameters
from aispend_pipeline.service.problems import Problem, answered
from aispend_pipeline.service.schemas import AlertTestBody
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.settings import CHANNEL_SETTINGS
from aispend_pipeline.state.database import state_of

# Nothing that these routes take is longer.
MOST_BYTES = 20_000


class AdminToken(SecurityBase):
    """Lets only those through who send `ADMIN_TOKEN`; every route of this kind depends on it."""

    def __init__(self, token: Callable[[], SecretStr | None]) -> None:
        self.model = HTTPBearer(description="The value of the setting ADMIN_TOKEN.")
        self.scheme_name = "ADMIN_TOKEN"
        self._token = token

    def __call__(self, request: Request) -> None:
        """Raises `Problem`: 403 where no token is set, 401 where it was not sent."""
        token = self._token()
        if token is None:
            raise Problem(403, "admin-disabled", "this route is off as long as no ADMIN_TOKEN is set")
        sent = [value for name, value in request.headers.raw if name.lower() == b"authorization"]
        if not _carries(sent, token.get_secret_value().encode()):
            wanted = "send the header Authorization once, with Bearer and the value of ADMIN_TOKEN"
            raise Problem(401, "unauthorized", wanted, {"www-authenticate": "Bearer"})


def _carries(sent: Sequence[bytes], token: bytes) -> bool:
    """Whether there is just one header, and it holds `token`; how long that takes does not tell where it differs."""
    scheme, _, given = (sent[0] if len(sent) == 1 else b"").partition(b" ")
    return compare_digest(given, token) and scheme.lower() == b"bearer"


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
        responses=answered(AlertTestBody),
        dependencies=[token, Depends(no_body)],
    )
    async def test_alert(parameters: Annotated[AlertTestParameters, Query()]) -> Response:
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
