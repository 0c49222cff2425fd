"""Is this answer a page? If not: what went wrong, and is another attempt worth it."""

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import httpx

from aispend_pipeline import retry_after
from aispend_pipeline.errors import ErrorClass, FetchError

_A_DAY_SECONDS = 86_400
# BigQuery says with 403 that it is asked too often, and also that a project's quota of the day is used up.
_TOO_MANY = frozenset({"rateLimitExceeded", "quotaExceeded"})


def check(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    path: str,
    never_retry: frozenset[str],
    now: datetime,
) -> None:
    """Return when the answer is a page; raise its `FetchError` otherwise.

    `never_retry` holds the provider's error codes that no waiting mends.
    """
    if status == 200:
        well_formed(body, path)
        return
    text, code = provider_error(body)
    said = f"{path} answered {status}: {text or 'no reason given'}"
    wait = retry_after.seconds(headers.get("retry-after"), now)
    if wait is not None and wait > _A_DAY_SECONDS:
        wait = None  # nobody means that
    refused = partial(FetchError, status=status, plain=f"{path} answered {status}")
    if 200 <= status < 300:
        raise refused(ErrorClass.UNEXPECTED_CONTENT, f"{path} answered {status} without a page")
    if 300 <= status < 400:
        raise refused(ErrorClass.REDIRECT, f"{path} answered {status}; redirects are not followed")
    if status == 429 or code in _TOO_MANY:
        raise refused(ErrorClass.RATE_LIMITED, said, retry_after=wait, final=code in never_retry)
    if status in (401, 403):
        raise refused(ErrorClass.UNAUTHORIZED, said)
    if status in (408, 425) or status >= 500:
        raise refused(ErrorClass.SERVER_ERROR, said, retry_after=wait, final=code in never_retry)
    raise refused(ErrorClass.REJECTED, said)


def well_formed(body: bytes, path: str) -> None:
    """Refuse what is not one JSON object in UTF-8 with every key once; a leading BOM is let through.

    `NaN` and `Infinity` pass: they spoil one amount, which is quarantined, and not the page.
    """
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        raise FetchError(
            ErrorClass.UNEXPECTED_CONTENT,
            f"{path} answered 200 with something that is no JSON object",
        )
    try:
        text = body.decode("utf-8-sig")
        parsed = json.loads(text, object_pairs_hook=_once_each, parse_float=str, parse_constant=str)
        if "\\ud" in text.lower():  # perhaps half a surrogate pair, which is no text
            json.dumps(parsed, ensure_ascii=False).encode()
    except RecursionError:
        raise FetchError(ErrorClass.MALFORMED, f"{path} answered with JSON that is nested too deeply") from None
    except ValueError as error:
        reason = str(error).split(":")[0][:80]
        raise FetchError(ErrorClass.MALFORMED, f"{path} answered with broken JSON ({reason})") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return made


def provider_error(body: bytes) -> tuple[str, str | None]:
    """Message and code of a provider's error body; `error` may be an object or a plain string.

    OpenAI has the code in the object, Anthropic in its `details`, BigQuery as the reason of the first of `errors`, and
    Google's other interfaces as the reason in `details`, or as a status.
    """
    body = body[:65536]  # far more than is ever shown, so that no cut leaves half a key to be redacted
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return body.decode("utf-8", "replace"), None
    if isinstance(error, dict):
        return str(error.get("message") or ""), next((code for code in _codes(error) if isinstance(code, str)), None)
    return str(error or ""), None


def _codes(error: Mapping[str, Any]) -> Iterator[Any]:
    details = error.get("details")
    yield details.get("error_code") if isinstance(details, dict) else error.get("code")
    for reasons in (error.get("errors"), details):
        if isinstance(reasons, list):
            yield from (reason.get("reason") for reason in reasons if isinstance(reason, dict))
    yield error.get("status")


def broken(error: httpx.RequestError, path: str) -> FetchError:
    """The `FetchError` of a connection that failed, told by what caused it."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return FetchError(ErrorClass.TIMEOUT, f"{path}: no connection in time")
    if isinstance(error, httpx.TimeoutException):
        return FetchError(ErrorClass.TIMEOUT, f"{path}: no whole answer in time")
    if isinstance(error, httpx.DecodingError):
        return FetchError(ErrorClass.MALFORMED, f"{path} answered with a body that cannot be unpacked")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return FetchError(
                ErrorClass.TLS,
                f"{path}: the server's certificate or TLS is not acceptable ({cause})",
            )
        if isinstance(cause, socket.gaierror):
            return FetchError(ErrorClass.DNS, f"{path}: the server's name {error.request.url.host} does not resolve")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return FetchError(ErrorClass.CONNECT, f"{path}: the connection was refused")
    return FetchError(ErrorClass.BROKEN_OFF, f"{path}: the connection broke off before the answer was whole")
