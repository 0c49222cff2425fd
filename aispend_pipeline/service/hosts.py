"""By which names the service may be asked, and by whose pages.

A page of a stranger can have its own name lead to 127.0.0.1, and then read what is there as if it were its own. The
browser says by which name it asks, and that name is not ours. It can also just ask: it cannot read the answer then,
but we would have made it. The browser says that it is another site that asks.
"""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.service.problems import Problem, send_problem

_HOST = re.compile(rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,255}))(?::[0-9]{1,5})?")


class Hosts:
    """Refuses requests for other names than `names`; addresses are no names that lead elsewhere.

    With `loopback`, when only this machine can ask, addresses of others are refused too.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], *, loopback: bool) -> None:
        self._app, self._names, self._loopback = app, names, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 400 or 421 in place of the application."""
        problem = self._refusal(scope) if scope["type"] == "http" else None
        if problem:
            await send_problem(scope, receive, send, problem)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        values = [value for name, value in scope["headers"] if name == b"host"]
        found = _HOST.fullmatch(values[0]) if len(values) == 1 else None
        if found is None:
            return Problem(400, "bad-host", "send the header Host once, with a host and perhaps a port")
        if self._ours((found[1] or found[2]).decode().lower().removesuffix(".")):
            return None
        ours = "this service is not called that; name it in AISPEND_ALLOWED_HOSTS, or ask by localhost or its address"
        return Problem(421, "foreign-host", ours)

    def _ours(self, host: str) -> bool:
        if host in self._names:
            return True
        try:
            ip = ip_address(host)
        except ValueError:
            return False
        return ip.is_loopback or not self._loopback


class Sites:
    """Refuses what pages of other sites ask, unless they are of `origins`; whoever follows a link here may.

    What is no browser says nothing of sites.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app, self._origins = app, {origin.encode() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 in place of the application."""
        if scope["type"] == "http" and self._foreign(scope["headers"]):
            whose = "another site's page asked; name its origin in AISPEND_CORS_ORIGINS if it may"
            await send_problem(scope, receive, send, Problem(403, "cross-site", whose))
        else:
            await self._app(scope, receive, send)

    def _foreign(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        said = dict(headers)
        if said.get(b"sec-fetch-site") not in (b"cross-site", b"same-site"):  # another port is the same site
            return False
        if said.get(b"origin") in self._origins:
            return False
        return (said.get(b"sec-fetch-mode"), said.get(b"sec-fetch-dest")) != (b"navigate", b"document")
