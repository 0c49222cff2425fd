"""The body of `GET /status`, for the OpenAPI document. A test holds real answers to it."""

from datetime import date, datetime
from typing import Literal

from pydantic import ConfigDict, Field

from aispend_pipeline.caps.model import Reason
from aispend_pipeline.errors import Trouble
from aispend_pipeline.health.reasons import Health
from aispend_pipeline.health.stores import Store
from aispend_pipeline.model import FetchState
from aispend_pipeline.service.schemas import USD, DriftDay, Exact
from aispend_pipeline.service.status_example import STATUS


class StoreState(Exact):
    """How one of the stores was found."""

    store: Store = Field(
        description="`snapshot`: the published figures, which every answer is read from; `warehouse`: where they are"
        " written; `state`: caps, what people were told, and what waits; `dagster`: Dagster's runs and schedules, if"
        " they are files; `disk`: the room on the home's disk"
    )
    state: Literal["ok"] | Trouble = Field(
        description="`not_made`: nothing was ever kept in it; `newer`, `older`: written by another version"
    )
    detail: str | None = Field(description="what is wrong, and what to do; null if nothing is")


class LastIngest(Exact):
    """The newest fetch of a feed, complete or failed."""

    fetch_id: str
    state: FetchState
    at: datetime = Field(description="when it was over")
    error_class: str | None = Field(description="why it failed, in a word")
    error: str | None = Field(description="why it failed, and what to do")


class CoverageCount(Exact):
    """Days by state, and by how far they may still change."""

    first_day: date | None
    last_day: date | None
    complete: int
    partial: int = Field(description="read, with records that cannot be booked")
    failed: int = Field(description="asked for and never read")
    not_due: int = Field(description="asked for, and the provider has no figures yet")
    open: int = Field(description="read while the day was running")
    provisional: int = Field(description="read within 48 hours of the day's end")
    settled: int


class Feed(Exact):
    """One source and account."""

    source: str
    account: str
    provider: str
    last_ingest: LastIngest | None = Field(description="null if it was never asked")
    last_complete_at: datetime | None = Field(description="when the newest day that is known was last read")
    stale: bool = Field(description="whether that is longer ago than it may be")
    consecutive_failures: int = Field(description="readings of the newest day that failed since")
    coverage: CoverageCount
    quarantined: int = Field(description="records that cannot be booked")
    restatements: int = Field(description="sums of days that were over that became others")


class ProviderState(Exact):
    """Whether a provider is read."""

    provider: str
    state: Literal["on", "off", "unconfigured"] = Field(
        description="`unconfigured`: switched on, and without what it needs to be read"
    )


class AccountState(Exact):
    """One organisation at a provider."""

    provider: str
    account: str
    organization_id: str | None = Field(description="the provider's own id, where its lists tell it")
    organization_name: str | None
    names_last_read_at: datetime | None
    names_error: str | None = Field(description="what went wrong when names were last read; no figure depends on them")
    waiting_days: int = Field(description="days that were asked for and wait for the account's call budget")
    waiting_done_at: datetime | None = Field(description="about when they will have been read")


class Threshold(Exact):
    """When Google tells people of a budget."""

    percent: str = Field(description="1 is all of it")
    basis: str


class BudgetFigure(Exact):
    """What the newest notification of a budget says is spent since its interval began."""

    interval_start: datetime = Field(description="midnight in Los Angeles")
    amount: str
    currency: str
    published_at: datetime
    budget_amount: str | None


class BudgetState(Exact):
    """A budget of Google's: context beside the bill, and never a part of it."""

    account: str = Field(description="the one whose credentials read it")
    billing_account: str
    budget_id: str
    name: str
    cap_amount: str | None = Field(description="null where it is what the last period cost, or was not read")
    currency: str | None
    period: str | None = Field(description="MONTH, QUARTER, YEAR or CUSTOM; null if only notifications are known")
    scope: Literal["ai_only", "mixed", "all_services"] | None
    credits: str | None = Field(description="which credits its figures are net of")
    thresholds: list[Threshold]
    gone: bool = Field(description="it was deleted")
    figure: BudgetFigure | None = Field(description="null before the first notification")
    billed_usd: str | None = Field(
        description="what the billing export has billed of the billing account in the figure's month, in USD, to"
        " compare: that month is UTC, the budget's is Pacific; null where the export is not read, or the budget is not"
        " a monthly one of AI services alone"
    )


class ForecastState(Exact):
    """What a month is expected to come to: no figure of what is spent, and in no sum. USD."""

    expected_usd: str
    low_usd: str
    high_usd: str
    soft_on: date | None = Field(description="when the soft cap is expected to be reached; null if it is, or is not")
    hard_on: date | None
    filled_days: int = Field(description="days of the month that are over and were not read; they count as expected")
    rests_on_days: int = Field(description="the full days that it is worked out from")
    method: str


class CapState(Exact):
    """How a scope stands in one month: as it was decided last, with what is known now to be wrong with the figures."""

    scope: str
    period: str = Field(description="a UTC month, YYYY-MM")
    level: Literal["unknown", "ok", "soft", "hard"] = Field(description="the cap that was reached")
    announced: Literal["ok", "soft", "hard"] | None = Field(description="the level that people were told last")
    announced_at: datetime | None
    since: datetime | None = Field(description="when the level became that; null before it was looked at")
    reason: Reason | None = Field(description="why the level became that")
    total_usd: str | None = Field(description=f"billed and estimated, {USD}; null if nothing was read")
    billed_usd: str | None = Field(description="the part of it that is billed")
    estimated_usd: str | None = Field(description="the part of it that is used and not billed yet")
    soft_usd: str | None = Field(description="the cap that is set now; of a month that is over, the last one")
    hard_usd: str | None
    unpriced: list[str] = Field(description="what was used and has no money, and why, a line each")
    stale: bool
    unconfirmed: bool = Field(description="a figure fell so much that it must be read a second time")
    doubts: list[str] = Field(description="why level and total may be wrong, a line each")
    armed: int | None = Field(description="the number of the open request to the hard-cap webhook")
    billed_through: dict[str, date | None] = Field(description="by provider, the last day whose bill was read")
    basis: dict[str, str] = Field(description="by provider, what its figure is where that is not its bill")
    forecast: ForecastState | None = Field(
        description="of the running month; null where fewer than three full days, or not every bill, were read"
    )


class Outbox(Exact):
    """Messages on their way."""

    pending: int
    oldest_pending_seconds: int | None
    dead: int = Field(description="given up, until somebody retries or drops them")


Word = Literal["ok", "failing", "unconfigured", "unknown"]


class Channels(Exact):
    """Whether each channel carries, by its last news."""

    slack: Word
    email: Word
    email_webhook: Word | None = Field(None, description="there only beside a mail server")
    hook: Word


class ChannelError(Exact):
    """Why a channel is failing."""

    channel: str
    error: str


class OpenIncident(Exact):
    """Something that is broken and not over."""

    kind: Literal["ingest", "channel"]
    subject: str
    since: datetime
    detail: str


class StatusBody(Exact):
    """`GET /status`."""

    model_config = ConfigDict(json_schema_extra={"examples": [STATUS]})

    status: Health = Field(
        description="`failing`: figures cannot be answered or kept, nobody looks at the caps, or no source could be"
        " read when it was last asked; `degraded`: there is any other reason; `ok`: there is none"
    )
    reasons: list[str] = Field(
        description="what is wrong, with what, and what to do, a line each, most important first: stores that cannot be"
        " used, caps that nobody looks at, settings that cannot be used, money that is wrong, missing or in doubt,"
        " people who are not told, and what waits"
    )
    stores: list[StoreState] = Field(description="each of them, whether it is in order or not")
    as_of: datetime | None = Field(description="when the figures were published; null if they cannot be read")
    version: str
    providers: list[ProviderState]
    sources: list[Feed]
    accounts: list[AccountState]
    budgets: list[BudgetState]
    drift: list[DriftDay] = Field(description="of each model of the last month, the newest day whose bill is there")
    caps: list[CapState] = Field(description="of this month, and of the last one what was looked at in it")
    outbox: Outbox | None = Field(description="null if the state database cannot be read")
    channels: Channels
    channel_errors: list[ChannelError]
    hook_signed: bool | None = Field(description="null without a hook")
    incidents: list[OpenIncident]
    last_evaluation_at: datetime | None = Field(description="when the caps were last looked at")
