"""The bodies of the answers, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aispend_pipeline.model import CoverageState, FetchState, Finality
from aispend_pipeline.warehouse.status import Health

USD = "decimal number of US dollars: plain notation, at least two decimals, no further trailing zeros"


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SpendRow(_Exact):
    """One group; the keys that were grouped by are present, null where they cannot be told."""

    day: date | None = None
    provider: str | None = None
    account: str | None = None
    model: str | None = None
    cost_usd: str | None = Field(description=f"billed, {USD}; null if all of it is in other currencies")
    input_tokens: int | None = Field(description="uncached input; null if not known")
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    requests: int | None


class CoveredDay(_Exact):
    """What is known of one day of one source and account."""

    source: str
    account: str
    day: date
    state: CoverageState
    finality: Finality | None = Field(description="whether it may still change; null if never read")
    last_read_at: datetime | None
    detail: dict[str, Any] = Field(description="both figures of an accepted disagreement, a refused re-read, and so on")


class Coverage(_Exact):
    """Whether every day asked for was read whole, and each of them."""

    complete: bool
    days: list[CoveredDay]


class Unconverted(_Exact):
    """An amount in another currency, in no sum."""

    currency: str
    amount: str


class SpendBody(_Exact):
    """`GET /spend`."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    group_by: list[str] = Field(alias="groupBy")
    currency: Literal["USD"]
    rows: list[SpendRow]
    truncated: bool = Field(description="whether `limit` left groups out")
    total_usd: str = Field(description=f"billed, {USD}")
    unconverted: list[Unconverted]
    coverage: Coverage
    as_of: datetime


class Days(_Exact):
    """The days of a fetch."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class RawPage(_Exact):
    """One page as received."""

    id: str
    provider: str
    source: str
    account: str
    fetched_at: datetime
    window: Days
    request: dict[str, Any]
    payload: dict[str, Any] | str = Field(description="as received; text where it is no JSON")


class RawBody(_Exact):
    """`GET /providers/{name}/raw`."""

    items: list[RawPage]
    cursor: str | None = Field(description="where to go on; null at the end")


class LastIngest(_Exact):
    """The newest fetch of a feed, complete or failed."""

    fetch_id: str
    state: FetchState
    at: datetime
    error_class: str | None
    error: str | None


class CoverageCount(_Exact):
    """Days by state."""

    first_day: date | None
    last_day: date | None
    complete: int
    partial: int
    failed: int
    not_due: int


class Feed(_Exact):
    """One source and account."""

    source: str
    account: str
    provider: str
    last_ingest: LastIngest | None
    last_complete_at: datetime | None
    stale: bool
    consecutive_failures: int
    coverage: CoverageCount
    quarantined: int
    restatements: int


class ProviderState(_Exact):
    """Whether a provider is read."""

    provider: str
    state: Literal["on", "off", "unconfigured"]


class StatusBody(_Exact):
    """`GET /status`."""

    status: Health
    reasons: list[str]
    as_of: datetime | None
    version: str
    providers: list[ProviderState]
    sources: list[Feed]
