"""The bodies of the evidence: pages and lines, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from aispend_pipeline.model import FetchState, Reading
from aispend_pipeline.service import evidence_examples as examples
from aispend_pipeline.service.problems import Kind
from aispend_pipeline.service.schemas import USD, Exact, Unconverted


class Days(Exact):
    """The days of a fetch, both ends included; UTC."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class PageLinks(Exact):
    """Where to go on from a page: paths of this service."""

    page: str
    body: str = Field(description="the bytes as received, as a download")
    rows: str | None = Field(description="the billed lines that came of it; null where the source bills nothing")
    estimates: str | None = Field(description="what it says is used and not billed yet; null where it measures nothing")


class RawPage(Exact):
    """One page as received."""

    id: str
    provider: str
    source: str
    account: str
    fetch_id: str = Field(description="the attempt that it came of; pages of one fetch share it")
    fetch_state: FetchState = Field(description="of a `failed` fetch pages are evidence, and no figure rests on them")
    page_no: int = Field(ge=1, description="its place in the fetch")
    reading: Reading = Field(
        description="`rows` are booked, `control` are the provider's own sums that check them, `exports` say how far"
        " its books go"
    )
    fetched_at: datetime
    window: Days
    request: dict[str, Any] = Field(description="method, path, params, and body if it had one; no credentials")
    body_sha256: str = Field(description="of the bytes as received, hexadecimal")
    bytes: int = Field(ge=0, description="how many came")
    links: PageLinks
    payload: dict[str, Any] | str = Field(description="as received; text where it is no JSON")


class RawBody(Exact):
    """`GET /providers/{name}/raw`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.PAGE], "cursor": "WzEyLDFd.0f3a9"}]})

    items: list[RawPage] = Field(description="fewer than `limit` where they are over 32 MiB together")
    cursor: str | None = Field(
        description="where to go on, null at the end; it stays good, and leads past each page once, while more come"
    )


class FetchTold(Exact):
    """The attempt that a page came of."""

    id: str
    state: FetchState
    started_at: datetime
    finished_at: datetime
    window: Days
    pages: int = Field(description="how many came")
    days_in_use: list[date] = Field(
        description="the days whose figures rest on it now: newer answers replace older ones"
    )
    error_class: str | None
    error: str | None = Field(description="why it failed; null if it did not")
    run_id: str | None = Field(description="Dagster's; null if it was read by hand")


class PageBody(RawPage):
    """`GET /providers/{name}/raw/{page_id}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**examples.PAGE, "fetch": examples.FETCH}]})

    fetch: FetchTold


class LineLinks(Exact):
    """Where the page of a line is: paths of this service."""

    page: str
    body: str = Field(description="the bytes as received, as a download")


class Line(Exact):
    """What lines have in common."""

    day: date
    source: str
    account: str
    fetch_id: str
    page_id: str
    row_no: int = Field(ge=1, description="the place of its record among those of the page")
    provider: str
    page_available: bool = Field(description="whether its page is still kept; else `links` answer 410")
    links: LineLinks


class SpendLine(Line):
    """One billed line: one meter, one amount."""

    charge_start: datetime
    charge_end: datetime | None
    invoice_month: str = Field(description="YYYY-MM")
    charge_category: str = Field(description="Usage, Credit, Tax, Adjustment or Purchase")
    model: str | None
    project: str | None = Field(description="at Anthropic the workspace")
    api_key: str | None = Field(description="as the bill tells it")
    line_item: str | None
    sku: str | None
    token_type: str | None
    service_tier: str | None
    context_window: str | None
    cache_lifetime: str | None = Field(description="how long a cache write is kept, `5m` or `1h`")
    location: str | None
    quantity: str | None = Field(description="decimal number of `unit`")
    unit: str | None
    currency: str
    amount: str = Field(description="decimal number of `currency`, net of credits that come in the same line")
    credit_amount: str | None = Field(description="the credits in `amount`")
    cost_usd: str | None = Field(description=f"`amount` as {USD}; null if no rate is known")
    credit_usd: str | None = Field(description="the credits in `cost_usd`")
    allocated_usd: str | None = Field(
        description="asked for `api_key`: the part of `cost_usd` that is theirs by usage, where the bill tells no key"
    )


class RowsBody(Exact):
    """`GET /spend/rows`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROWS]})

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    rows: list[SpendLine] = Field(description="oldest day first")
    cursor: str | None = Field(description="where to go on; null at the end. It is good until there are new figures")
    count: int = Field(ge=0, description="lines that the filters let through, on all screens together")
    total_usd: str = Field(
        description=f"of all those lines, {USD}: what `GET /spend` says with the same days and filters"
    )
    unconverted: list[Unconverted]
    as_of: datetime


class EstimateLine(Line):
    """One meter of one row of usage, as far as it is not billed yet."""

    meter: str = Field(description="the count of the usage that it is of")
    bucket_start: datetime
    kind: str
    model: str | None = Field(description="as the bill calls it")
    measured_model: str | None = Field(description="as the usage calls it")
    project: str | None
    api_key: str | None
    token_type: str
    service_tier: str | None
    context_window: str | None
    location: str | None
    quantity: str = Field(description="whole number of tokens, or of what else the meter counts")
    price_list: str | None = Field(description="the version of the price list")
    unit_usd: str | None = Field(description="list price of one, USD")
    ratio: str | None = Field(description="what was billed for the model lately over its list price")
    list_usd: str | None = Field(description=f"`quantity` at list price, {USD}")
    estimated_usd: str = Field(description=f"`unit_usd` times `ratio`, rounded once, times `quantity`, {USD}")
    counted_usd: str = Field(description=f"the part that the bill does not have, {USD}: what `GET /spend` counts")


class EstimatesBody(Exact):
    """`GET /spend/estimates`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ESTIMATES]})

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    rows: list[EstimateLine] = Field(description="oldest day first")
    cursor: str | None = Field(description="where to go on; null at the end. It is good until there are new figures")
    count: int = Field(ge=0, description="lines that the filters let through, on all screens together")
    total_estimated_usd: str = Field(
        description=f"of all those lines, {USD}: what `GET /spend` says with the same days and filters"
    )
    as_of: datetime


# How asking for one page can be refused, beside what may befall any route.
NO_PAGE = {
    "unknown-page": Kind(404, "no page of that id was ever received from openai"),
    "page-expired": Kind(
        410,
        "the page has expired: it was fetched on 2026-06-12, and pages are kept for 90 days; the rows that were made"
        " of it stay",
    ),
}
_HEADERS = {
    "etag": {"description": "the SHA-256 of the bytes, hexadecimal", "schema": {"type": "string"}},
    "repr-digest": {"description": "the same as RFC 9530 has it", "schema": {"type": "string"}},
    "content-disposition": {"description": "the name of the file", "schema": {"type": "string"}},
}
# What a body can be.
AS_RECEIVED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as received",
        "headers": _HEADERS,
        "content": {
            "application/json": {"schema": {"type": "object"}, "example": examples.PAGE["payload"]},
            "text/plain": {"schema": {"type": "string"}, "example": '{"amount": NaN}'},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "no UTF-8"},
        },
    },
    304: {"description": "The client has them: `If-None-Match` names their ETag"},
}
