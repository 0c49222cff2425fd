"""Runs one query in BigQuery with Google's own client, whose calls go through our `Caller`.

So the client knows how jobs are begun, waited for and paged, and every call is bounded, tried again, redacted and kept
as any other provider's: a page is what one answer of `jobs.getQueryResults` says of the bill, byte for byte. What names
the job and its pages is new every time, and left out: so the same lines are stored once.
"""

import asyncio
import json
from concurrent.futures import TimeoutError as NotInTime
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import Page, Reading, Request
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources.bigquery import Query, Value
from aispend_pipeline.sources.engine import Asking
from aispend_pipeline.sources.google import Keychain
from aispend_pipeline.sources.http import Caller

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from requests import Session

ROWS_A_PAGE = 5000
_BEGIN_SECONDS, _JOB_SECONDS = 30, 300
# The caller tries again where that makes sense, and the client must not.
_ONCE = cast("Retry", None)


def run(
    asking: Asking, account: GoogleAccount, query: Query, pages: list[Page], loop: asyncio.AbstractEventLoop
) -> None:
    """Add every page of the answer to `pages`; it blocks, and `loop` is where the caller runs. Raises `FetchError`."""
    wire = _Wire(asking.caller, account.bigquery_endpoint, loop)
    project = account.query_project or _own_project(asking) or account.bq_project or ""
    client = bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=account.bigquery_endpoint),
        _http=cast("Session", wire),
    )
    try:
        job = client.query(
            query.sql, job_config=_configured(query, account), retry=_ONCE, timeout=_BEGIN_SECONDS, job_retry=None
        )
        found = job.result(page_size=ROWS_A_PAGE, retry=None, timeout=_JOB_SECONDS, job_retry=None)
        _read(asking, query.request(project, job.job_id or ""), query.reading, found, wire, pages)
    except exceptions.GoogleAPICallError as error:
        raise _failed(error) from None
    except NotInTime:
        raise FetchError(ErrorClass.TIMEOUT, f"the query was not done in {_JOB_SECONDS} s") from None
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FetchError(ErrorClass.SCHEMA, f"BigQuery's answer has not the known shape: {error!r}") from None


def _own_project(asking: Asking) -> str | None:
    credentials = asking.caller.credentials
    return credentials.project() if isinstance(credentials, Keychain) else None


def _configured(query: Query, account: GoogleAccount) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        query_parameters=[parameter(name, value) for name, value in query.parameters.items()],
        maximum_bytes_billed=account.max_bytes_billed,
        use_query_cache=True,
        use_legacy_sql=False,
        labels={"app": "aispend"},
        job_timeout_ms=1000 * _JOB_SECONDS,
    )


def parameter(name: str, value: Value) -> bigquery.ScalarQueryParameter | bigquery.ArrayQueryParameter:
    """A parameter as the client takes it."""
    if isinstance(value, str):
        return bigquery.ScalarQueryParameter(name, "STRING", value)
    if isinstance(value, datetime):
        return bigquery.ScalarQueryParameter(name, "TIMESTAMP", value)
    return bigquery.ArrayQueryParameter(name, "STRING", list(value))


def _read(asking: Asking, request: Request, reading: Reading, found: Any, wire: "_Wire", pages: list[Page]) -> None:
    """Keep the answer page by page; fewer rows than the answer says to have are no answer."""
    if found.total_rows is None:
        raise FetchError(ErrorClass.SCHEMA, f"{request.path}: the answer does not say how many rows it has")
    rows, seen = 0, set[str]()
    for number, page in enumerate(found.pages, 1):
        rows += page.num_items
        asking.keep(pages, Page.received(reading, request, asking.clock.now(), wire.newest))
        log.info(
            "page.read",
            source="vertex_billing",
            account=asking.account,
            reading=reading,
            page=number,
            bytes=len(wire.newest),
        )
        token = found.next_page_token
        if token is not None and token in seen:
            raise FetchError(ErrorClass.CURSOR_LOOP, f"{request.path}: cursor loop at page {number}")
        if token is not None and number >= asking.limits.pages:
            raise FetchError(ErrorClass.TOO_MANY_PAGES, f"{request.path}: no end after {number} pages")
        seen.add(token or "")
        request = request.with_param("page_token", token) if token else request
    if rows != found.total_rows:
        raise FetchError(ErrorClass.UNEXPECTED_CONTENT, f"{request.path}: {rows} rows came, of {found.total_rows}")


class _Bill(msgspec.Struct, rename="camel", omit_defaults=True):
    """The parts of an answer that say something of the bill, as they are written."""

    job_complete: msgspec.Raw = msgspec.Raw()
    total_rows: msgspec.Raw = msgspec.Raw()
    schema: msgspec.Raw = msgspec.Raw()
    rows: msgspec.Raw = msgspec.Raw()


_bill = msgspec.json.Decoder(_Bill)


def _kept(body: bytes) -> bytes:
    """What is kept of an answer; all of it where it has another shape."""
    try:
        return msgspec.json.encode(_bill.decode(body.removeprefix(b"\xef\xbb\xbf")))
    except msgspec.DecodeError:
        return body


class _Answer:
    """As much of an HTTP response as the client looks at."""

    status_code = 200

    def __init__(self, content: bytes) -> None:
        self.content, self.headers = content, dict[str, str]()

    def json(self) -> Any:
        return json.loads(self.content)


class _Wire:
    """What the client takes for its HTTP session; it runs in a thread, and the caller in the loop."""

    def __init__(self, caller: Caller, base_url: str, loop: asyncio.AbstractEventLoop) -> None:
        self._caller, self._base, self._loop = caller, urlsplit(base_url).path, loop
        self.newest = b""  # the body of the newest answer that may hold rows

    def request(self, method: str, url: str, data: str | bytes | None = None, **_: Any) -> _Answer:
        """Ask, as the client says; its own headers name nothing that we do not say, and its time-outs are ours."""
        parts = urlsplit(url)
        path = parts.path.removeprefix(self._base)
        content = data.encode() if isinstance(data, str) else data or b""
        request = Request(path, tuple(parse_qsl(parts.query, keep_blank_values=True)), method, content)
        try:
            body = asyncio.run_coroutine_threadsafe(self._caller.page(request), self._loop).result()
        except FetchError as error:
            if error.status == 409:  # an attempt of ours that seemed lost had begun the job: the client looks for it
                raise exceptions.Conflict(str(error)) from None  # type: ignore[no-untyped-call]
            raise
        if "/queries/" in path:
            self.newest = _kept(body)
        return _Answer(body)


# By the reason that BigQuery gives for a job that failed; any other is the provider's trouble.
_REASONS = {
    "accessDenied": ErrorClass.UNAUTHORIZED,
    "notFound": ErrorClass.REJECTED,
    "invalidQuery": ErrorClass.REJECTED,
    "invalid": ErrorClass.REJECTED,
    "bytesBilledLimitExceeded": ErrorClass.REJECTED,
    "quotaExceeded": ErrorClass.RATE_LIMITED,
    "rateLimitExceeded": ErrorClass.RATE_LIMITED,
    "jobRateLimitExceeded": ErrorClass.RATE_LIMITED,
}


def _failed(error: exceptions.GoogleAPICallError) -> FetchError:
    """The `FetchError` of a job that ended without an answer; its class varies, and its reason does not."""
    first = error.errors[0] if error.errors and isinstance(error.errors[0], dict) else {}
    reason = str(first.get("reason") or "")
    said = str(first.get("message") or error.message).partition("\n")[0]
    return FetchError(
        _REASONS.get(reason, ErrorClass.SERVER_ERROR),
        f"the query failed: {said} ({reason or 'no reason'})",
        plain="the query failed",
    )
