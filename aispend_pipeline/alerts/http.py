"""One request to a webhook: bounded in time and size, to a checked address, without redirects or proxies."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, unquote

import httpx

from aispend_pipeline import __version__, addresses, retry_after
from aispend_pipeline.alerts.attempts import Attempted, Fault, Outcome, SendLimits, excerpt, undelivered
from aispend_pipeline.tls import trusted

# Parts of an address that are shorter are words that answers have too.
_SHORTEST_PART = 6
# Longer answers are pages for a browser, and say nothing to a person here.
_LONGEST_QUOTE = 120
# httpx writes the whole address of every request to its log, and a webhook's is a secret.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)


@dataclass
class _Seen:
    """What has happened so far, since the time may be up at any point."""

    sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    async def trace(self, event: str, _: object) -> None:
        """Notes the moment from which the receiver may have had some of the request."""
        self.sent = self.sent or event == "http11.send_request_headers.started"


async def ask(
    method: str,
    address: str,
    limits: SendLimits,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    now: datetime | None = None,
) -> Attempted:
    """Send one request to `address`, and say what became of it; a `Retry-After` is heard if there is a `now`."""
    try:
        target = addresses.web(address)
    except ValueError as error:
        fault = Fault.BLOCKED if isinstance(error, addresses.Blocked) else Fault.MALFORMED_ADDRESS
        return Attempted(Outcome.DEAD, True, None, fault, f"the configured address {error}")
    seen = _Seen()
    failed: BaseException | None = None
    try:
        async with asyncio.timeout(limits.attempt_seconds):
            ips = await addresses.resolve(target.host, target.port)
            await _exchange(method, target, ips, limits, dict(headers or {}), body, seen)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        failed = error
    if seen.status is not None:
        return _answered(target, seen.status, seen, now)
    if failed is None:
        raise AssertionError("unreachable: without an answer there is an error")
    return undelivered(failed, target.origin, connected=seen.sent, never_sent=not seen.sent)


async def _exchange(
    method: str,
    target: addresses.Target,
    ips: tuple[addresses.IP, ...],
    limits: SendLimits,
    headers: dict[str, str],
    body: bytes | None,
    seen: _Seen,
) -> None:
    """Ask the first of `ips` that can be connected to; a second look-up could lead elsewhere."""
    # Connection and TLS count by themselves; all of them together leave no address without its turn.
    each = min(limits.connect_seconds, limits.attempt_seconds / (2 * len(ips)))
    timeout = httpx.Timeout(limits.attempt_seconds, connect=each)
    own = {"host": _host(target), "user-agent": f"aispend/{__version__}", "accept-encoding": "identity"}
    async with httpx.AsyncClient(verify=trusted("http"), trust_env=False, timeout=timeout) as http:
        for number, ip in enumerate(ips, 1):
            request = http.build_request(
                method,
                f"{target.scheme}://{f'[{ip}]' if ip.version == 6 else ip}:{target.port}{target.path}",
                headers={**own, **headers},
                content=body,
                extensions={"sni_hostname": target.host.rstrip("."), "trace": seen.trace},
            )
            try:
                response = await http.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(ips):
                    raise
            else:
                await _read(response, limits, seen)
                return


def _host(target: addresses.Target) -> str:
    """As the Host header has it."""
    return target.origin.partition("://")[2]


async def _read(response: httpx.Response, limits: SendLimits, seen: _Seen) -> None:
    """Note the status, which decides, and the start of the body, which only explains."""
    seen.status, seen.headers = response.status_code, response.headers
    try:
        async for chunk in response.aiter_raw():
            seen.body += chunk
            if len(seen.body) >= limits.response_bytes:
                del seen.body[limits.response_bytes :]
                return
    finally:
        await response.aclose()


def _answered(target: addresses.Target, status: int, seen: _Seen, now: datetime | None) -> Attempted:
    outcome, fault = verdict(status)
    said = excerpt(bytes(seen.body), _secrets(target))
    quoted = f": {said}" if said and len(said) <= _LONGEST_QUOTE and not said.startswith("<") else ""
    if fault is Fault.REDIRECT:
        quoted = "; redirects are not followed"
    wait = retry_after.seconds(seen.headers.get("retry-after"), now) if now and outcome is Outcome.RETRY else None
    return Attempted(outcome, False, status, fault, f"{target.origin} answered {status}{quoted}", said, wait)


def verdict(status: int) -> tuple[Outcome, Fault | None]:
    """What an answer's status means for a delivery."""
    if 200 <= status < 300:
        return Outcome.DELIVERED, None
    if 300 <= status < 400:
        return Outcome.DEAD, Fault.REDIRECT
    if status == 429:
        return Outcome.RETRY, Fault.RATE_LIMITED
    if status in (408, 425) or status >= 500:
        return Outcome.RETRY, Fault.SERVER_ERROR
    return Outcome.DEAD, Fault.REJECTED


def _secrets(target: addresses.Target) -> Iterator[str]:
    """Whatever of an address an answer must not repeat: path and query, whole and in parts."""
    path, _, query = target.path.partition("?")
    yield from (target.path, path, query)
    parts = [*path.split("/"), *(value for _, value in parse_qsl(query))]
    yield from (one for part in parts for one in (part, unquote(part)) if len(one) >= _SHORTEST_PART)
