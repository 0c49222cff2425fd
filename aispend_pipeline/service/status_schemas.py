"""The body of `GET /status`, for the OpenAPI document. A test holds real answers to it."""

from datetime import date, datetime
from typing import Literal

from pydantic import ConfigDict, Field

from aispend_pipeline.caps.model import Reason
from aispend_pipeline.errors import Trouble
from aispend_pipeline.health.reasons import Health
from aispend_pipeline.health.stores import Store
from aispend_pipeline.model import FetchState
from aispend_pipeline.service.beside_schemas import Exact
from aispend_pipeline.service.schemas import DriftDay
from aispend_pipeline.service.status_example import STATUS
from aispend_pipeline.service.values import Amount, Number, Provider, Source, Usd


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

    fetch_id: str = Field(description="as pages and lines name it")
    state: FetchState = Field(description="a fetch is complete or it is nothing")
    at: datetime = Field(description="when it was over")
    error_class: str | None = Field(description="why it failed, in a word; null if it did not")
    error: str | None = Field(description="why it failed, and what to do; null if it did not")


class CoverageCount(Exact):
    """Days by state, and by how far they may still change."""

    first_day: date | None = Field(description="the first whose figures are known; null if none are")
    last_day: date | None = Field(description="the newest whose figures are known; null if none are")
    complete: int = Field(description="read whole")
    partial: int = Field(description="read, with records that cannot be booked")
    failed: int = Field(description="asked for and never read")
    not_due: int = Field(description="asked for, and the provider has no figures yet")
    open: int = Field(description="read while the day was running")
    provisional: int = Field(description="read within 48 hours of the day's end")
    settled: int = Field(description="read later than that")


class Feed(Exact):
    """One source and account."""

    source: Source = Field(description="which feed")
    account: str = Field(description="the name under which its key is set")
    provider: Provider = Field(description="whose it is")
    last_ingest: LastIngest | None = Field(description="null if it was never asked")
    last_complete_at: datetime | None = Field(description="when the newest day that is known was last read")
    stale: bool = Field(
        description="whether that, or of an export its newest line, is longer ago than AISPEND_STALE_AFTER_SECONDS, or"
        " it never was"
    )
    consecutive_failures: int = Field(description="readings of the newest day that failed since")
    coverage: CoverageCount = Field(description="how many days were read, and how far they may still change")
    quarantined: int = Field(description="records that cannot be booked")
    restatements: int = Field(description="sums of days that were over that became others")


class ProviderState(Exact):
    """Whether a provider is read."""

    provider: Provider = Field(description="each there is")
    state: Literal["on", "off", "unconfigured"] = Field(
        description="`unconfigured`: switched on, and without what it needs to be read"
    )


class AccountState(Exact):
    """One organisation at a provider."""

    provider: Provider = Field(description="whose customer it is")
    account: str = Field(description="the name under which its key is set")
    organization_id: str | None = Field(description="the provider's own id, where its lists tell it")
    organization_name: str | None = Field(description="what the provider calls it; null if that was never read")
    names_last_read_at: datetime | None = Field(description="when names of projects and keys were; null if never")
    names_error: str | None = Field(
        description="what went wrong when names were last read, null if nothing; no figure depends on them"
    )
    waiting_days: int = Field(description="days that were asked for and wait for the account's call budget")
    waiting_done_at: datetime | None = Field(description="about when they will have been read; null if none wait")


class Threshold(Exact):
    """When Google tells people of a budget."""

    percent: Number = Field(description="1 is all of it")
    basis: str = Field(
        description="of what, in Google's words: CURRENT_SPEND, what is spent, or FORECASTED_SPEND, what it expects"
    )


class BudgetFigure(Exact):
    """What the newest notification of a budget says is spent since its interval began."""

    interval_start: datetime = Field(description="midnight in Los Angeles")
    amount: Amount = Field(description="spent since then, in `currency`")
    currency: str = Field(description="ISO 4217")
    published_at: datetime = Field(description="when Google said so")
    budget_amount: Amount | None = Field(description="what the budget was set to then, in `currency`; null if not told")


class BudgetState(Exact):
    """A budget of Google's: context beside the bill, and never a part of it."""

    account: str = Field(description="the one whose credentials read it")
    billing_account: str = Field(description="Google's id of it")
    budget_id: str = Field(description="Google's id of it")
    name: str = Field(description="what it is called now")
    cap_amount: Amount | None = Field(
        description="what it is set to, in `currency`; null where it is what the last period cost, or was not read"
    )
    currency: str | None = Field(description="ISO 4217; null if it is not known")
    period: str | None = Field(description="MONTH, QUARTER, YEAR or CUSTOM; null if only notifications are known")
    scope: Literal["ai_only", "mixed", "all_services"] | None = Field(
        description="which services it watches: AI's alone, others too, or all; null if only notifications are known"
    )
    credits: str | None = Field(
        description="which credits its figures are net of, in Google's words; null if not known"
    )
    thresholds: list[Threshold] = Field(description="when Google tells people, which we do not")
    gone: bool = Field(description="it was deleted")
    figure: BudgetFigure | None = Field(description="null before the first notification")
    billed_usd: Usd | None = Field(
        description="what the billing export has billed of the billing account in the figure's month, in USD, to"
        " compare: that month is UTC, the budget's is Pacific; null where the export is not read, or the budget is not"
        " a monthly one of AI services alone"
    )


class ForecastState(Exact):
    """What a month is expected to come to: no figure of what is spent, and in no sum. USD."""

    expected_usd: Usd = Field(description="what the month is expected to come to, to the cent")
    low_usd: Usd = Field(description="the lower end of the range, to the cent")
    high_usd: Usd = Field(description="the upper end of the range, to the cent")
    soft_on: date | None = Field(description="when the soft cap is expected to be reached; null if it is, or is not")
    hard_on: date | None = Field(description="the same of the hard cap")
    filled_days: int = Field(description="days of the month that are over and were not read; they count as expected")
    rests_on_days: int = Field(description="the full days that it is worked out from")
    method: str = Field(description="how it is worked out, for people")


class CapState(Exact):
    """How a scope stands in one month: as it was decided last, with what is known now to be wrong with the figures."""

    scope: str = Field(
        description="whose spend: a provider, or `global` for all that are on; later there may be others"
    )
    period: str = Field(description="a UTC month, YYYY-MM")
    level: Literal["unknown", "ok", "soft", "hard"] = Field(
        description="the cap that was reached; `unknown` too where it was not looked at under the caps of now"
    )
    announced: Literal["ok", "soft", "hard"] | None = Field(
        description="the level that people were told last; null before it was looked at"
    )
    announced_at: datetime | None = Field(description="when; null if they never were")
    since: datetime | None = Field(
        description="when the level became that; null where it was not looked at under the caps of now"
    )
    reason: Reason | None = Field(description="why the level became that; null as `since`")
    total_usd: Usd | None = Field(description="billed and estimated; null if nothing was read")
    billed_usd: Usd | None = Field(description="the part of it that is billed; null as `total_usd`")
    estimated_usd: Usd | None = Field(description="the part of it that is used and not billed yet; null as `total_usd`")
    hard_on_estimates: bool | None = Field(
        description="whether `estimated_usd` counts towards the hard cap as towards the soft one; null as `total_usd`"
    )
    soft_usd: Usd | None = Field(
        description="the soft cap that is set now, null if none is; of a month that is over, the last one"
    )
    hard_usd: Usd | None = Field(description="the same of the hard cap")
    unpriced: list[str] = Field(description="what was used and has no money, and why, a line each")
    stale: bool = Field(
        description="a figure in it is older than it may be: a feed, or a budget that stands in for one"
    )
    unconfirmed: bool = Field(description="a figure fell so much that it must be read a second time")
    doubts: list[str] = Field(description="why level and total may be wrong, a line each")
    armed: int | None = Field(
        description="the number of the alarm that the hard-cap webhook was sent and that was not called off since; null"
        " if there is none"
    )
    billed_through: dict[str, date | None] = Field(description="by provider, the last day whose bill was read")
    basis: dict[str, str] = Field(
        description="by provider, what its figure is where that is not its bill: `budget, Pacific month` where a budget"
        " stands in"
    )
    forecast: ForecastState | None = Field(
        description="of the running month; null where fewer than three full days, or not every bill, were read"
    )


class Outbox(Exact):
    """Messages on their way."""

    pending: int = Field(description="that wait to be sent, or to be tried again")
    oldest_pending_seconds: int | None = Field(description="how long the oldest has waited; null if none does")
    dead: int = Field(description="given up, until somebody retries or drops them")


Word = Literal["ok", "failing", "unconfigured", "unknown"]


class Channels(Exact):
    """Whether each channel carries, by its last news."""

    slack: Word = Field(description="the incoming webhook of Slack; `unknown` if the state database cannot be read")
    email: Word = Field(description="the mail server, or without one the mail webhook")
    email_webhook: Word | None = Field(None, description="there only beside a mail server")
    hook: Word = Field(description="the hard-cap webhook")


class ChannelError(Exact):
    """Why a channel is failing."""

    channel: str = Field(description="its name in `channels`")
    error: str = Field(description="what it answered last, and what to do")


class OpenIncident(Exact):
    """Something that is broken and not over."""

    kind: Literal["ingest", "channel"] = Field(
        description="a feed that cannot be read, or a channel that carries nothing"
    )
    subject: str = Field(description="the account at its provider, or the channel")
    since: datetime = Field(description="when it was first seen")
    detail: str = Field(description="what is wrong, and what to do")


class StatusBody(Exact):
    """How the installation is. What people were told before is at `/alerts`."""

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
    version: str = Field(description="of this service")
    providers: list[ProviderState] = Field(description="each of them, read or not")
    sources: list[Feed] = Field(description="everything that ought to be read")
    accounts: list[AccountState] = Field(description="whose keys are set")
    budgets: list[BudgetState] = Field(description="Google's, of the accounts whose budgets are read")
    drift: list[DriftDay] = Field(description="of each model of the last month, the newest day whose bill is there")
    caps: list[CapState] = Field(
        description="of this month, and of the last one what was looked at in it; one that was removed only until"
        " whoever was told that it is reached is told so"
    )
    outbox: Outbox | None = Field(description="null if the state database cannot be read")
    channels: Channels = Field(description="whether people and machines can be told")
    channel_errors: list[ChannelError] = Field(description="one for each channel that is `failing`")
    hook_signed: bool | None = Field(description="whether the hard-cap webhook can check who calls; null without one")
    incidents: list[OpenIncident] = Field(description="what is broken and not over")
    last_evaluation_at: datetime | None = Field(description="when the caps were last looked at; null if never")
