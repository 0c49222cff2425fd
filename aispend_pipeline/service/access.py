"""Who may: the read token for all that is asked, the admin token for what changes or sends something.

Browsers send a password that they know by themselves, whoever's page made them ask. So what changes or sends
something is only open to the bearer of the admin token, which no browser adds by itself.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import NamedTuple

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.service.problems import Kind, Problem, send_problem

# Open to whoever asks: whether the process answers, and nothing else.
OPEN = frozenset({"/healthz"})
_WANTED = "send the header Authorization once, with Bearer and the value of ADMIN_TOKEN"
# How a route that wants the admin token refuses, for the OpenAPI document.
ADMIN = {"unauthorized": Kind(401, _WANTED)}
_CHALLENGES = [
    (b"www-authenticate", b'Basic realm="aispend", charset="UTF-8"'),
    (b"www-authenticate", b'Bearer realm="aispend"'),
]


class Tokens(NamedTuple):
    """The tokens as they are now; without `read`, everybody may read."""

    read: SecretStr | None
    admin: SecretStr | None


class ReadToken:
    """Lets only those through who send the read token, or may do more."""

    def __init__(self, app: ASGIApp, tokens: Callable[[], Tokens]) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 401 in place of the application."""
        if scope["type"] == "http" and scope["path"] not in OPEN and not self._may(scope):
            wanted = "send AISPEND_READ_TOKEN in the header Authorization, as Bearer or as password of Basic"
            await send_problem(scope, receive, send, Problem(401, "unauthorized", wanted), _CHALLENGES)
        else:
            await self._app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        read, admin = self._tokens()
        if read is None:
            return True
        scheme, given = _sent(scope)
        if scheme == b"basic":
            return _is(read, _password(given))
        # Both are compared, so that time does not tell which of them it is not.
        return scheme == b"bearer" and any([_is(read, given), _is(admin, given)])


class AdminToken(SecurityBase):
    """Lets only those through who send `ADMIN_TOKEN`; every route that changes or sends something depends on it."""

    def __init__(self, token: Callable[[], SecretStr | None]) -> None:
        self.model = HTTPBearer(description="The value of the setting ADMIN_TOKEN.")
        self.scheme_name = "ADMIN_TOKEN"
        self._token = token

    async def __call__(self, request: Request) -> None:
        """Raises `Problem`: 403 where no token is set, 401 where it was not sent."""
        token = self._token()
        if token is None:
            raise Problem(403, "admin-disabled", "this route is off as long as no ADMIN_TOKEN is set")
        scheme, given = _sent(request.scope)
        if not (_is(token, given) and scheme == b"bearer"):
            raise Problem(401, "unauthorized", _WANTED, {"www-authenticate": "Bearer"})


def _sent(scope: Scope) -> tuple[bytes, bytes]:
    """Scheme, in lower case, and what is behind it; nothing if there is not just one header."""
    values: Sequence[bytes] = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    scheme, _, given = (values[0] if len(values) == 1 else b"").partition(b" ")
    return scheme.lower(), given


def _is(token: SecretStr | None, given: bytes) -> bool:
    """Whether `given` is the token; how long that takes does not tell where it differs."""
    return token is not None and compare_digest(given, token.get_secret_value().encode())


def _password(given: bytes) -> bytes:
    """The password of Basic credentials, empty if they are none."""
    try:
        return base64.b64decode(given, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
