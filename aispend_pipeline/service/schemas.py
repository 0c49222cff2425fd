"""The bodies of the answers, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.model import CoverageState, Finality

USD = "decimal number of US dollars: plain notation, at least two decimals, no further trailing zeros"


class Exact(BaseModel):
    """Nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class SpendRow(Exact):
    """One group; the keys that were grouped by are present, null where they cannot be told."""

    hour: datetime | None = Field(None, description="its beginning; null where usage does not tell the hours of a bill")
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
    estimated_usd: str | None = Field(
        description=f"what is used and not billed yet, priced from usage, {USD}; in no `cost_usd`, and null if nothing"
    )
    allocated_usd: str | None = Field(
        None,
        description="the part of `cost_usd` whose key the bill does not tell, and usage does; there only if grouped by"
        " key. Without a key, that part is use of the console, and the rest is unattributed",
    )
    input_tokens: int | None = Field(description="uncached input; null if not known")
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    requests: int | None


class CoveredDay(Exact):
    """What is known of one day of one source and account."""

    source: str
    account: str
    day: date
    state: CoverageState
    finality: Finality | None = Field(description="whether it may still change; null if never read")
    last_read_at: datetime | None
    detail: dict[str, Any] = Field(description="both figures of an accepted disagreement, a refused re-read, and so on")


class Coverage(Exact):
    """Whether every day asked for was read whole, and each of them."""

    complete: bool
    days: list[CoveredDay]


class Unconverted(Exact):
    """An amount in another currency, in no sum."""

    currency: str
    amount: str


class UnpricedUsage(Exact):
    """What was measured and is in no estimate: no bill ever lists it, or it has no list price and no whole bill yet."""

    provider: str
    account: str
    service_tier: str | None
    model: str | None
    input_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    other_units: int | None = Field(description="what else than tokens: characters, seconds, searches")
    why: str | None
    never_billed: bool = Field(description="whether no bill will ever list it; else it waits for one")


class NotEstimated(Exact):
    """Days without a bill, of a provider whose usage comes only with it."""

    provider: str
    account: str
    days: list[date]


class Restatement(Exact):
    """A day that was over and became another sum when it was read again."""

    day: date
    source: str
    account: str
    provider: str
    model: str | None
    was_usd: str
    is_usd: str
    at: datetime


class BudgetMonth(Exact):
    """What a monthly budget of Google's AI services says is spent: cumulative, of a Pacific month, and no bill."""

    account: str
    billing_account: str
    budget: str
    month: str = Field(description="YYYY-MM; it begins at midnight in Los Angeles")
    amount: str
    currency: str
    usd: str | None = Field(description="null in another currency: budgets come without a rate")
    published_at: datetime
    label: Literal["budget, Pacific month"]


class SpendBody(Exact):
    """`GET /spend`."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    group_by: list[str] = Field(alias="groupBy")
    currency: Literal["USD"]
    rows: list[SpendRow]
    truncated: bool = Field(description="whether `limit` left groups out")
    total_usd: str = Field(description=f"billed, {USD}")
    total_estimated_usd: str = Field(description=f"used and not billed yet, {USD}; in no `total_usd`")
    unconverted: list[Unconverted]
    unpriced: list[UnpricedUsage] = Field(description="measured, and in no estimate")
    not_estimated: list[NotEstimated] = Field(description="days of which neither a bill nor usage is known")
    tokens_from: list[Literal["usage", "costs"]] = Field(
        description="the books that tokens and requests are from; of one day and account always just one"
    )
    budget_month_to_date: list[BudgetMonth] = Field(
        description="of the months that the days are in, one for each billing account; in no row and no total"
    )
    restatements: list[Restatement] = Field(description="of the days asked for, newest first, at most 100")
    coverage: Coverage
    as_of: datetime


class DriftDay(Exact):
    """How good the estimate of a model's day was, once its bill was there."""

    provider: str
    account: str
    model: str
    day: date
    settled: bool = Field(description="whether the bill is final")
    billed_usd: str = Field(description=USD)
    list_usd: str = Field(description="the same use at list price")
    estimated_usd: str = Field(description="what was estimated before the bill came")
    billed_over_estimated: str = Field(description="the ratio of the two, to four places; 1 is a perfect estimate")
    calibration: str = Field(description="what new estimates of the model are multiplied with, learnt from past bills")


class DriftBody(Exact):
    """`GET /drift`."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    rows: list[DriftDay]
    as_of: datetime


class Days(Exact):
    """The days of a fetch."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class RawPage(Exact):
    """One page as received."""

    id: str
    provider: str
    source: str
    account: str
    fetched_at: datetime
    window: Days
    request: dict[str, Any]
    payload: dict[str, Any] | str = Field(description="as received; text where it is no JSON")


class RawBody(Exact):
    """`GET /providers/{name}/raw`."""

    items: list[RawPage]
    cursor: str | None = Field(description="where to go on; null at the end")


class AlertTested(Exact):
    """What became of a test in one channel."""

    status: Status | Literal["not_asked"] = Field(description="`pending`: it failed, and is tried again")
    error: str | None
    next_at: datetime | None = Field(description="when it is tried again")


class AlertTestBody(Exact):
    """`POST /test/alert`."""

    status: Literal["ok", "failing"] = Field(description="ok: every channel that was asked has taken it")
    channels: dict[str, AlertTested]
