"""One question to a provider over HTTP, asked until it is answered or there is no point.

Every attempt is bounded in wall-clock time and in size, and redirects are not followed.
"""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import Request
from aispend_pipeline.sources import answers
from aispend_pipeline.threads import apart
from aispend_pipeline.tls import trusted

USER_AGENT = f"aispend/{__version__}"


@dataclass(frozen=True)
class Limits:
    """The bounds of reading a provider; seconds, counts, bytes."""

    connect_seconds: float = 10
    attempt_seconds: float = 30
    attempts: int = 5
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30
    longest_retry_after_seconds: float = 60  # nothing sleeps longer while it holds a run's slot
    account_seconds: float = 600
    pages: int = 2000
    page_bytes: int = 16 * 1024 * 1024
    window_packed_bytes: int = 256 * 1024 * 1024


class Credentials(Protocol):
    """What makes the headers of a call, and may have to ask for them: it blocks."""

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        """The headers; `fresh` are not those that a call was just refused with. Raises `FetchError`."""


@dataclass(frozen=True)
class Endpoint:
    """Where an account's provider is and how it is spoken to. `headers` carry the key, unless there are `credentials`.

    `remedy` is what a person should do when the key is refused; `never_retry` holds the error codes
    that no waiting mends; `calls_per_hour` is what the account may ask, none for as much as it likes, and
    `calls_left_header` is where an answer says how often it still may.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    remedy: str
    never_retry: frozenset[str]
    calls_per_hour: int | None = None
    calls_left_header: str = ""
    credentials: Credentials | None = field(default=None, repr=False)

    def redacted(self, text: str) -> str:
        """`text` without credentials, half surrogates and line ends, at most 512 characters."""
        text = text.encode("utf-8", "replace").decode()
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        text = re.sub(r"\bsk-[A-Za-z0-9_*-]{4,}|\bya29\.[A-Za-z0-9_.-]+", "[key]", text)
        return " ".join(text.split())[:512]


def client(limits: Limits) -> httpx.AsyncClient:
    """The client that every source uses; close it after use."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(limits.attempt_seconds, connect=limits.connect_seconds),
        follow_redirects=False,
        headers={"user-agent": USER_AGENT},
        verify=trusted("sources"),
    )


class Budget(Protocol):
    """The calls that an account may make."""

    def take(self, now: datetime) -> datetime | None:
        """Use up one call: none if it may be made, else when the next one may be."""

    def left(self, calls: int, now: datetime) -> None:
        """The provider says that it will take only so many more calls."""


class Caller:
    """Asks one endpoint, one question at a time, until `deadline` on the clock's monotonic.

    Every attempt takes a call from `budget`; when that is used up it ends at once, since a wait would hold a
    run's slot.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoint: Endpoint,
        clock: Clock,
        limits: Limits,
        deadline: float,
        budget: Budget | None = None,
    ) -> None:
        self._http, self._endpoint, self._clock = http, endpoint, clock
        self._limits, self._deadline, self._budget = limits, deadline, budget
        self._token = ""  # of the newest call, where credentials made one

    @property
    def credentials(self) -> Credentials | None:
        """What makes the headers of its calls, if they are not fixed."""
        return self._endpoint.credentials

    def redacted(self, text: str) -> str:
        """`text` fit to be shown."""
        return self._endpoint.redacted(text)

    async def page(self, request: Request) -> bytes:
        """The page that answers `request`, after as many attempts as the limits allow.

        Waits between attempts grow and jitter, and are no shorter than the provider's own
        `Retry-After`. Raises the last attempt's `FetchError`, its text fit to be shown; if calls ran out after
        an attempt had failed, what that one failed of.
        """
        failed: FetchError | None = None
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(lambda error: isinstance(error, FetchError) and error.transient),
                wait=self._wait,
                stop=self._give_up,
                sleep=self._clock.sleep,
                reraise=True,
            ):
                with attempt:
                    try:
                        return await self._attempt(request)
                    except FetchError as error:
                        if failed and error.error_class is ErrorClass.OUT_OF_BUDGET:
                            raise FetchError(failed.error_class, str(failed), final=True, plain=failed.plain) from None
                        failed = error
                        raise
        except FetchError as error:
            told = self._endpoint.redacted(str(error))
            if error.error_class is ErrorClass.UNAUTHORIZED and error.status:  # credentials that are none say it all
                told = f"{told.rstrip('.')}. {self._endpoint.remedy}"
            plain = self._endpoint.redacted(error.plain)
            raise FetchError(error.error_class, told, status=error.status, plain=plain) from None
        raise AssertionError("unreachable: the loop returns or raises")

    async def _attempt(self, request: Request) -> bytes:
        seconds = min(self._limits.attempt_seconds, self._deadline - self._clock.monotonic())
        if seconds <= 0:
            raise FetchError(
                ErrorClass.OUT_OF_TIME,
                f"{request.path}: this account's time in this run is used up",
            )
        await self._take_a_call(request)
        try:
            async with asyncio.timeout(seconds):
                status, headers, body = await self._exchange(request)
                if status == 401 and self._endpoint.credentials is not None:  # a token may have run out meanwhile
                    status, headers, body = await self._exchange(request, fresh=True)
        except TimeoutError:
            raise FetchError(ErrorClass.TIMEOUT, f"{request.path}: no whole answer in {seconds:.3g} s") from None
        except httpx.RequestError as error:
            raise answers.broken(error, request.path) from None
        await self._hear_what_is_left(headers)
        answers.check(
            status,
            headers,
            body,
            path=request.path,
            never_retry=self._endpoint.never_retry,
            now=self._clock.now(),
        )
        if any(secret.encode() in body for secret in (*self._endpoint.secrets, self._token) if secret):
            raise FetchError(
                ErrorClass.UNEXPECTED_CONTENT,
                f"{request.path}: the answer repeats the key, so it is not kept",
            )
        return body

    async def _take_a_call(self, request: Request) -> None:
        if self._budget is None:
            return
        next_at = await asyncio.to_thread(self._budget.take, self._clock.now())
        if next_at is not None:
            raise FetchError(
                ErrorClass.OUT_OF_BUDGET,
                f"{request.path}: the {self._endpoint.calls_per_hour} calls an hour are used up; it goes on after"
                f" {next_at:%Y-%m-%d %H:%M} UTC",
            )

    async def _hear_what_is_left(self, headers: Mapping[str, str]) -> None:
        """A provider counts for itself, and other programs' calls too."""
        said = headers.get(self._endpoint.calls_left_header, "")
        if self._budget is not None and said.isascii() and said.isdigit() and len(said) < 10:
            await asyncio.to_thread(self._budget.left, int(said), self._clock.now())

    async def _headers(self, fresh: bool) -> dict[str, str]:
        credentials = self._endpoint.credentials
        made = {} if credentials is None else await apart(lambda: credentials.headers(fresh=fresh))
        self._token = made.get("authorization", "").removeprefix("Bearer ")
        return {**self._endpoint.headers, **made}

    async def _exchange(self, request: Request, *, fresh: bool = False) -> tuple[int, Mapping[str, str], bytes]:
        url = self._endpoint.base_url + request.path
        headers = await self._headers(fresh)
        content = request.content or None
        if content is not None:
            headers["content-type"] = "application/json"
        async with self._http.stream(
            request.method, url, params=list(request.params), headers=headers, content=content
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._limits.page_bytes:
                    raise FetchError(
                        ErrorClass.TOO_LARGE,
                        f"{request.path}: a page of over {self._limits.page_bytes >> 20} MiB",
                    )
            return response.status_code, response.headers, bytes(body)

    def _wait(self, state: RetryCallState) -> float:
        error = _failure(state)
        grown = self._limits.first_wait_seconds * 2.0 ** (state.attempt_number - 1)
        own = min(grown, self._limits.longest_wait_seconds) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
        return max(own, error.retry_after or 0.0)

    def _give_up(self, state: RetryCallState) -> bool:
        error = _failure(state)
        log.info("attempt.failed", error_class=error.error_class, status=error.status, attempt=state.attempt_number)
        return (
            state.attempt_number >= self._limits.attempts
            or (error.retry_after or 0.0) > self._limits.longest_retry_after_seconds
            or self._clock.monotonic() + state.upcoming_sleep >= self._deadline
        )


def _failure(state: RetryCallState) -> FetchError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, FetchError):
        raise TypeError(f"only a FetchError is tried again, not {error!r}")
    return error
