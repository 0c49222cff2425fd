"""How often one client may ask."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.clock import Clock
from aispend_pipeline.service.problems import Problem, send_problem


class Rate:
    """Refuses what an address asks beyond `per_second`; a second's worth may come at once.

    Who is behind a proxy shares its address: what a client says of itself in a header is not believed.
    """

    def __init__(self, app: ASGIApp, per_second: int, most_addresses: int, clock: Clock) -> None:
        self._app, self._per_second, self._most, self._clock = app, per_second, most_addresses, clock
        # What is left of each one's second, and since when; who asked last is last.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 429 in place of the application."""
        wait = self._wait(client_of(scope)) if scope["type"] == "http" else 0.0
        if wait > 0:
            problem = Problem(
                429,
                "too-many-requests",
                f"more than {self._per_second} requests a second came from your address",
                {"retry-after": str(ceil(wait))},
            )
            await send_problem(scope, receive, send, problem)
        else:
            await self._app(scope, receive, send)

    def _wait(self, client: str) -> float:
        """Seconds until `client` may ask again, 0 if it may now; then it has asked."""
        now = self._clock.monotonic()
        left, since = self._left.pop(client, (float(self._per_second), now))
        left = min(left + (now - since) * self._per_second, float(self._per_second))
        wait = (1 - left) / self._per_second if left < 1 else 0.0
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait


def client_of(scope: Scope) -> str:
    """Who asks: an address, or of IPv6 the network of 2**64 that one customer has."""
    host = (scope.get("client") or ("",))[0]
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return str(host)
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
