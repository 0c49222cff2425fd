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
    project: str | None = None
    project_name: str | None = None
    workspace: str | None = None
    workspace_name: str | None = None
    api_key: str | None = None
    api_key_name: str | None = None
    line_item: str | None = None
    token_type: str | None = None
    service_tier: str | None = None
    source: str | None = None
    cost_usd: str | None = Field(description=f"billed, {USD}; null if nothing is, or all of it in other currencies")
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


class UnpricedUsage(_Exact):
    """What was measured in a tier that the provider's cost report never lists."""

    provider: str
    account: str
    service_tier: str | None
    model: str | None
    input_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None


class Restatement(_Exact):
    """A day that was over and became another sum when it was read again."""

    day: date
    source: str
    account: str
    provider: str
    model: str | None
    was_usd: str
    is_usd: str
    at: datetime


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
    unpriced: list[UnpricedUsage] = Field(description="measured, and in no bill")
    tokens_from: list[Literal["usage", "costs"]] = Field(
        description="the books that tokens and requests are from; of one day and account always just one"
    )
    restatements: list[Restatement] = Field(description="of the days asked for, newest first, at most 100")
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
    """Days by state, and by how far they may still change."""

    first_day: date | None
    last_day: date | None
    complete: int
    partial: int
    failed: int
    not_due: int
    open: int
    provisional: int
    settled: int


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


class AccountState(_Exact):
    """One organisation at a provider."""

    provider: str
    account: str
    organization_id: str | None = Field(description="the provider's own id, where its lists tell it")
    organization_name: str | None
    names_last_read_at: datetime | None
    names_error: str | None = Field(description="what went wrong when names were last read; no figure depends on them")
    waiting_days: int = Field(description="days that were asked for and wait for the account's call budget")
    waiting_done_at: datetime | None = Field(description="about when they will have been read")


class StatusBody(_Exact):
    """`GET /status`."""

    status: Health
    reasons: list[str]
    as_of: datetime | None
    version: str
    providers: list[ProviderState]
    sources: list[Feed]
    accounts: list[AccountState]
