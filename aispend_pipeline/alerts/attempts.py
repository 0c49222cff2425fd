"""One attempt to send something: what goes out, what became of it, and what of that may be shown."""

import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import aiosmtplib
import httpx

from aispend_pipeline.addresses import Blocked

EXCERPT_BYTES = 512
# What is shorter than this is no secret, and cutting it out would leave no sentence whole.
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Outgoing:
    """What a channel is to carry: `delivery_id` is the message's or event's id, `body` the bytes as stored."""

    delivery_id: str
    body: bytes
    attempt: int
    created_at: datetime


@dataclass(frozen=True)
class SendLimits:
    """The bounds of one attempt: seconds, bytes."""

    connect_seconds: float = 5
    attempt_seconds: float = 20
    response_bytes: int = 4096


class Outcome(StrEnum):
    """What is to be done with a delivery after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Fault(StrEnum):
    """Why an attempt did not deliver."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken_off"
    REDIRECT = "redirect"
    REJECTED = "rejected"
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    BLOCKED = "blocked"
    MALFORMED_ADDRESS = "malformed_address"
    SMTP_4XX = "smtp_4xx"
    SMTP_5XX = "smtp_5xx"
    TLS_REQUIRED = "tls_required"
    NO_LOGIN = "no_login"


@dataclass(frozen=True)
class Attempted:
    """What became of one attempt. Nothing in it has a secret of the address.

    `never_sent`: it failed before the receiver could have had any of the message. `told` is one line for people,
    `excerpt` the start of the answer, `retry_after` the receiver's own wish in seconds.
    """

    outcome: Outcome
    never_sent: bool = False
    http_status: int | None = None
    error_class: str | None = None
    told: str = ""
    excerpt: str = ""
    retry_after: float | None = None


class Channel(Protocol):
    """A way to reach people or a machine."""

    @property
    def name(self) -> str:
        """`slack`, `email`, `email_webhook` or `hook`."""

    async def send(self, outgoing: Outgoing, now: datetime) -> Attempted:
        """Make one attempt; never raises for anything that the network does."""


def undelivered(error: BaseException, origin: str, *, connected: bool, never_sent: bool) -> Attempted:
    """The attempt that ended in `error` before there was an answer."""
    if isinstance(error, Blocked):
        return Attempted(Outcome.DEAD, True, None, Fault.BLOCKED, f"{origin}: {error}")
    fault, told = _told(error, connected)
    return Attempted(Outcome.RETRY, never_sent, None, fault, f"{origin}: {told}")


def _told(error: BaseException, connected: bool) -> tuple[Fault, str]:
    """What is wrong by what caused it; the texts of the libraries' errors may repeat an address."""
    if isinstance(error, TimeoutError | httpx.TimeoutException | aiosmtplib.SMTPTimeoutError):
        return Fault.TIMEOUT, "no answer in time" if connected else "no connection in time"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", None) or cause.reason or "the handshake failed"
            return Fault.TLS, f"its certificate or its TLS is not acceptable ({reason})"
        if isinstance(cause, socket.gaierror | UnicodeError):
            return Fault.DNS, "its name does not resolve"
    if not connected:
        return Fault.CONNECT, "it cannot be connected to"
    return Fault.BROKEN_OFF, "the connection broke off, or what came back is no answer"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def excerpt(answer: bytes, secrets: Iterable[str]) -> str:
    """The start of an answer on one line, without any of `secrets`, at most `EXCERPT_BYTES`."""
    text = answer.decode("utf-8", "replace")
    for secret in sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(secret, "[...]")
        text = _without_part_at_end(text, secret)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(" +", " ", text).strip().encode()[:EXCERPT_BYTES].decode("utf-8", "ignore")


def _without_part_at_end(text: str, secret: str) -> str:
    """`text` without the start of `secret` that its end may be, since the answer was cut somewhere."""
    for length in range(min(len(secret) - 1, len(text)), _SHORTEST_SECRET - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length]
    return text
