"""The bodies of the evidence: pages and lines, for the OpenAPI document. A test holds real answers to them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from aispend_pipeline.model import FetchState, Reading
from aispend_pipeline.service import evidence_examples as examples
from aispend_pipeline.service.beside_schemas import Exact, Unconverted
from aispend_pipeline.service.problems import Kind
from aispend_pipeline.service.spend_example import CSV_HEADERS, header
from aispend_pipeline.service.values import Amount, AnySource, ChargeCategory, Number, Provider, Source, Usd


class Days(Exact):
    """The days of a fetch, both ends included; UTC."""

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")


class PageLinks(Exact):
    """Where to go on from a page: paths of this service."""

    page: str = Field(description="the page itself")
    body: str = Field(description="the bytes as received, as a download")
    rows: str | None = Field(
        description="the billed lines that came of it, of days that its fetch is in use for; null where none can: its"
        " source bills nothing, it is no page of `rows`, or its fetch failed"
    )
    estimates: str | None = Field(
        description="what it says is used and not billed yet, of days that its fetch is in use for; null where it"
        " measures nothing, as with `rows`"
    )


class RawPage(Exact):
    """One page as received."""

    id: str = Field(description="made by us; lines call it `page_id`")
    provider: Provider = Field(description="who sent it")
    source: AnySource = Field(description="the feed that asked for it")
    account: str = Field(description="the name under which its key is set")
    fetch_id: str = Field(description="the attempt that it came of; pages of one fetch share it")
    fetch_state: FetchState = Field(description="of a `failed` fetch pages are evidence, and no figure rests on them")
    page_no: int = Field(ge=1, description="its place in the fetch")
    reading: Reading = Field(
        description="`rows` are booked, `control` are the provider's own sums that check them, `exports` say how far"
        " its books go"
    )
    fetched_at: datetime = Field(description="when it came")
    window: Days = Field(description="the days that its fetch asked for")
    request: dict[str, Any] = Field(description="method, path, params, and body if it had one; no credentials")
    body_sha256: str = Field(description="of the bytes as received, hexadecimal")
    bytes: int = Field(ge=0, description="how many came")
    links: PageLinks = Field(description="where to go on")
    payload: dict[str, Any] | str = Field(description="as received; text where it is no JSON")


class RawBody(Exact):
    """Pages as received, newest fetch first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.PAGE], "cursor": "WzEyLDFd.0f3a9"}]})

    items: list[RawPage] = Field(description="fewer than `limit` where they are over 32 MiB together")
    cursor: str | None = Field(
        description="where to go on, null at the end; it stays good, and leads past each page once, while more come"
    )


class FetchTold(Exact):
    """The attempt that a page came of."""

    id: str = Field(description="as `fetch_id`")
    state: FetchState = Field(description="complete, or failed and then no figure rests on it")
    started_at: datetime = Field(description="before its first request")
    finished_at: datetime = Field(description="after its last answer")
    window: Days = Field(description="the days that were asked for")
    pages: int = Field(description="how many came")
    days_in_use: list[date] = Field(
        description="the days whose figures rest on it now: newer answers replace older ones; only of these days its"
        " pages have lines"
    )
    error_class: str | None = Field(description="why it failed, in a word; null if it did not")
    error: str | None = Field(description="why it failed; null if it did not")
    run_id: str | None = Field(description="Dagster's; null if it was read by hand")


class PageBody(RawPage):
    """One page as received, with its fetch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**examples.PAGE, "fetch": examples.FETCH}]})

    fetch: FetchTold = Field(description="the attempt that it came of")


class LineLinks(Exact):
    """Where the page of a line is: paths of this service."""

    page: str = Field(description="the page, with its fetch")
    body: str = Field(description="the bytes as received, as a download")


class Line(Exact):
    """What lines have in common."""

    day: date = Field(description="UTC")
    source: Source = Field(description="the feed that it came by")
    account: str = Field(description="the name under which its key is set")
    fetch_id: str = Field(description="the fetch in use for its day")
    page_id: str = Field(description="the page that it came on")
    row_no: int = Field(
        ge=1,
        description="the number of its record in the page's payload, from 1, in the order in which they stand: of"
        " OpenAI and Anthropic through all `data[].results[]`, of Vertex through `rows[]`",
    )
    provider: Provider = Field(description="whose line it is")
    page_available: bool = Field(description="whether its page is still kept; else `links` answer 410")
    links: LineLinks = Field(description="where its page is")


class SpendLine(Line):
    """One billed line: one meter, one amount."""

    charge_start: datetime = Field(description="when what it charges begins")
    charge_end: datetime | None = Field(description="when that ends, not included; null if it is not told")
    invoice_month: str = Field(description="YYYY-MM; the day's own unless Google names another")
    charge_category: ChargeCategory = Field(description="what kind of charge it is, in the words of FOCUS")
    model: str | None = Field(description="as the bill names it; null if it names none")
    project: str | None = Field(
        description="its id; at Anthropic the workspace's. Null if none is told, at Anthropic for the default workspace"
    )
    api_key: str | None = Field(description="the key's id as the bill tells it: Anthropic's and Google's tell none")
    line_item: str | None = Field(description="what the bill calls the line")
    sku: str | None = Field(description="Google's id of the meter; null elsewhere")
    token_type: str | None = Field(description="input, cached_input, cache_write, output, ...; null if not told")
    service_tier: str | None = Field(description="batch, priority, ...; null for OpenAI's standard one, or if not told")
    context_window: str | None = Field(description="for which length of prompts the price is; null if not told")
    cache_lifetime: str | None = Field(
        description="how long a cache write is kept, `5m` or `1h`; null for anything else"
    )
    location: str | None = Field(description="where it was served; null if not told")
    quantity: Number | None = Field(
        description="how much of `unit`; OpenAI's thousands of tokens are counted as tokens, and Anthropic's bill has"
        " none"
    )
    unit: str | None = Field(description="what `quantity` counts, such as tokens; null if not told")
    currency: str = Field(description="ISO 4217, as the page says; of Google the billing account's")
    amount: Amount = Field(
        description="in `currency`, net of credits in the same record. OpenAI's page has it in dollars"
        " (`amount.value`), Anthropic's in cents, Google's in billionths of the currency (`gross_nanos` plus"
        " `credit_nanos`)"
    )
    credit_amount: Amount | None = Field(description="the credits in `amount`, negative; null but for Google")
    cost_usd: Usd | None = Field(
        description="`amount` in dollars, of Google at the rate of the record itself (`gross_usd_nanos` plus"
        " `credit_usd_nanos`); null if no rate is known"
    )
    credit_usd: Usd | None = Field(description="the credits in `cost_usd`; null but for Google")
    allocated_usd: Usd | None = Field(
        description="asked for `api_key`: the part of `cost_usd` that is theirs by usage, where the bill tells no key"
    )


class RowsBody(Exact):
    """Billed lines one by one, a screenful at a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ROWS]})

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")
    rows: list[SpendLine] = Field(description="oldest day first")
    cursor: str | None = Field(description="where to go on; null at the end. It is good until there are new figures")
    count: int = Field(ge=0, description="lines that the filters let through, on all screens together")
    total_usd: Usd = Field(description="of all those lines: what `GET /spend` says with the same days and filters")
    unconverted: list[Unconverted] = Field(description="what those lines bill in other currencies, in no total")
    as_of: datetime = Field(description="when the snapshot was published that all of this is from")


class EstimateLine(Line):
    """One meter of one row of usage, as far as it is not billed yet."""

    meter: str = Field(description="the count of the usage that it is of")
    bucket_start: datetime = Field(description="the beginning of the hour or day that was measured")
    kind: str = Field(description="which of the provider's usage reports: completions, messages, embeddings, ...")
    model: str | None = Field(description="as the bill calls it; null if it cannot be told")
    measured_model: str | None = Field(description="as the usage calls it; null if it does not")
    project: str | None = Field(
        description="its id; at Anthropic the workspace's. Null if none is told, at Anthropic for the default workspace"
    )
    api_key: str | None = Field(
        description="the key's id, never the key; null if none is told, or for the console's use"
    )
    token_type: str = Field(description="input, cached_input, cache_write, output, or what else the meter counts")
    service_tier: str | None = Field(description="as on the bill: null for OpenAI's standard one, or if not told")
    context_window: str | None = Field(description="for which length of prompts the price is; null if not told")
    location: str | None = Field(description="where it was served; null if not told")
    quantity: Number = Field(description="whole number of tokens, or of what else the meter counts")
    price_list: str | None = Field(description="the version of the price list; null if it has no price for it")
    unit_usd: Usd | None = Field(description="list price of one; null if it is on no list")
    ratio: Number | None = Field(
        description="what was billed for the model lately over its list price; null if it has none"
    )
    list_usd: Usd | None = Field(description="`quantity` at list price; null if it has none")
    estimated_usd: Usd = Field(
        description="all that was measured: `unit_usd` times `ratio`, rounded once, times `quantity`"
    )
    counted_usd: Usd = Field(
        description="the part of `estimated_usd` that the bill does not have yet, which `GET /spend` counts: all of it"
        " where nothing is billed, less where a bill still grows"
    )


class EstimatesBody(Exact):
    """What is used and not billed yet, line by line, a screenful at a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ESTIMATES]})

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")
    rows: list[EstimateLine] = Field(description="oldest day first")
    cursor: str | None = Field(description="where to go on; null at the end. It is good until there are new figures")
    count: int = Field(ge=0, description="lines that the filters let through, on all screens together")
    total_estimated_usd: Usd = Field(
        description="of all those lines: what `GET /spend` says with the same days and filters"
    )
    as_of: datetime = Field(description="when the snapshot was published that all of this is from")


def also_in_csv(of_json: Mapping[str, Any], example: str, total: str) -> dict[str, Any]:
    """How lines are answered, where they also come as CSV; `total` is the header with what all of them come to."""
    names = ("Vary", "Content-Disposition", "X-AISpend-As-Of", total, "X-AISpend-Cursor")
    headers = {name: CSV_HEADERS[name] for name in names} | {"X-AISpend-Count": header("with CSV: `count`")}
    return {**of_json, "content": {"text/csv": {"schema": {"type": "string"}, "example": example}}, "headers": headers}


# How asking for one page can be refused, beside what may befall any route.
NO_PAGE = {
    "unknown-page": Kind(404, "no page of that id was ever received from openai"),
    "page-expired": Kind(
        410,
        "the page has expired: it was fetched on 2026-06-12, and pages are kept for 90 days; the rows that were made of"
        " it stay",
    ),
}
_HEADERS = {
    "ETag": {"description": "the SHA-256 of the bytes, hexadecimal", "schema": {"type": "string"}},
    "Repr-Digest": {"description": "the same as RFC 9530 has it", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "the name of the file", "schema": {"type": "string"}},
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
    304: {
        "description": "The client has them: `If-None-Match` names their ETag",
        "headers": {"ETag": _HEADERS["ETag"]},
    },
}
