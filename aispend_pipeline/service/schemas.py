"""The bodies of the answers, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.model import CoverageState, Finality
from aispend_pipeline.service.spend_example import DRIFT, SPEND

USD = "decimal number of US dollars: plain notation, at least two decimals, no further trailing zeros"


class Exact(BaseModel):
    """Nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class SpendRow(Exact):
    """One group; the keys that were grouped by are present, null where they cannot be told."""

    hour: datetime | None = Field(None, description="its beginning; null where usage does not tell the hours of a bill")
    day: date | None = Field(None, description="UTC; a day without a row has no figures, which is not zero")
    provider: str | None = Field(None, description="openai, anthropic or vertex")
    account: str | None = Field(None, description="the name under which its key is set; `default` without one")
    model: str | None = Field(None, description="as the bill names it")
    project: str | None = Field(None, description="its id at the provider; of Anthropic, the workspace's")
    project_name: str | None = Field(None, description="what it is called now; null if that was never read")
    workspace: str | None = Field(None, description="as `project`: what Anthropic calls a project")
    workspace_name: str | None = Field(None, description="as `project_name`")
    api_key: str | None = Field(None, description="the key's id, never the key")
    api_key_name: str | None = Field(None, description="what it is called now; null if that was never read")
    line_item: str | None = Field(None, description="what the bill calls the line")
    token_type: str | None = Field(
        None, description="what the bill counts: input, cached_input, cache_write, output, ..."
    )
    service_tier: str | None = Field(None, description="batch, flex, priority, ...; null for the standard one")
    source: str | None = Field(None, description="the book it is from, such as openai_costs or openai_usage")
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
    cached_input_tokens: int | None = Field(description="input read from a cache; null if not known")
    cache_write_tokens: int | None = Field(description="input written to a cache; null if not known")
    output_tokens: int | None = Field(description="null if not known")
    requests: int | None = Field(description="null if not known: only usage counts them")
    previous_cost_usd: str | None = Field(
        None, description=f"billed in the period before, {USD}; there only with `compare`; null as `cost_usd`"
    )
    change_usd: str | None = Field(
        None,
        description="`cost_usd` less `previous_cost_usd`; there only with `compare`. Where one of them is null, it"
        " counts as nothing billed if its period was read whole (`coverage.complete`, `previous.complete`); otherwise,"
        " and where it is null because of other currencies, the change is not known: null",
    )


class CoveredDay(Exact):
    """What is known of one day of one source and account."""

    source: str = Field(description="openai_costs, openai_usage, anthropic_costs, anthropic_usage, vertex_billing")
    account: str = Field(description="the name under which its key is set")
    day: date = Field(description="UTC")
    state: CoverageState = Field(
        description="complete; partial: some of its money cannot be booked; failed; not_due: not known yet"
    )
    finality: Finality | None = Field(description="whether it may still change; null if never read")
    last_read_at: datetime | None = Field(description="when it was last read whole; null if never")
    detail: dict[str, Any] = Field(description="both figures of an accepted disagreement, a refused re-read, and so on")


class Coverage(Exact):
    """Whether every day asked for was read whole, and each of them."""

    complete: bool = Field(description="whether every day of every source and account that is asked about was")
    days: list[CoveredDay] = Field(description="each day asked for of each source and account that filters let through")


class Unconverted(Exact):
    """An amount in another currency, in no sum."""

    currency: str = Field(description="ISO 4217")
    amount: str = Field(description="in that currency, spelt as dollars are")


class UnpricedUsage(Exact):
    """What was measured and is in no estimate: no bill ever lists it, or it has no list price and no whole bill yet."""

    provider: str = Field(description="openai, anthropic or vertex")
    account: str = Field(description="the name under which its key is set")
    service_tier: str | None = Field(description="null if not known")
    model: str | None = Field(description="null if not known")
    input_tokens: int | None = Field(description="uncached input; null if not known")
    cached_input_tokens: int | None = Field(description="null if not known")
    cache_write_tokens: int | None = Field(description="null if not known")
    output_tokens: int | None = Field(description="null if not known")
    other_units: int | None = Field(description="what else than tokens: characters, seconds, searches")
    why: str | None = Field(description="for people")
    never_billed: bool = Field(description="whether no bill will ever list it; else it waits for one")


class NotEstimated(Exact):
    """Days without a bill, of a provider whose usage comes only with it."""

    provider: str = Field(description="vertex: the others tell their usage apart from the bill")
    account: str = Field(description="the name under which it is set")
    days: list[date] = Field(description="oldest first")


class Restatement(Exact):
    """A day that was over and became another sum when it was read again."""

    day: date = Field(description="UTC")
    source: str = Field(description="the book that changed")
    account: str = Field(description="the name under which its key is set")
    provider: str = Field(description="openai, anthropic or vertex")
    model: str | None = Field(description="null if not known")
    was_usd: str = Field(description=USD)
    is_usd: str = Field(description=USD)
    at: datetime = Field(description="when it was found")


class BudgetMonth(Exact):
    """What a monthly budget of Google's AI services says is spent: cumulative, of a Pacific month, and no bill."""

    account: str = Field(description="the name under which it is set")
    billing_account: str = Field(description="Google's id of it")
    budget: str = Field(description="what it is called")
    month: str = Field(description="YYYY-MM; it begins at midnight in Los Angeles")
    amount: str = Field(description="spent since then, in `currency`")
    currency: str = Field(description="ISO 4217")
    usd: str | None = Field(description="null in another currency: budgets come without a rate")
    published_at: datetime = Field(description="when Google said so")
    label: Literal["budget, Pacific month"] = Field(description="what it is to be shown as")


class PreviousPeriod(Exact):
    """The period that was compared with."""

    first: date = Field(alias="from", description="its first day")
    last: date = Field(alias="to", description="its last day")
    total_usd: str = Field(description=f"billed, {USD}")
    total_estimated_usd: str = Field(description=f"used and not billed yet, {USD}; in no `total_usd`")
    complete: bool = Field(description="whether every day of it was read whole")


class SpendBody(Exact):
    """`GET /spend`.

    Every filter holds for rows, totals and `unconverted`. What stands beside them is filtered as far as it can be:
    `unpriced` by provider, account, model and tier; `restatements` by provider, account, model and source; `coverage`
    and `not_estimated` by provider, account and source; budgets by provider and account.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SPEND]})

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")
    group_by: list[str] = Field(alias="groupBy", description="as asked for; the first keys of each row, in this order")
    currency: Literal["USD"] = Field(description="of every field that ends with `_usd`")
    rows: list[SpendRow] = Field(
        description="in the order asked for, else by key: hour, day, provider, account, model and so on; null is last"
    )
    truncated: bool = Field(description="whether `limit` left out groups that come after these")
    total_usd: str = Field(description=f"billed, {USD}: of all groups, also of those that are not in this answer")
    total_estimated_usd: str = Field(description=f"used and not billed yet, {USD}; in no `total_usd`")
    unconverted: list[Unconverted] = Field(description="billed in currencies for which no rate is known; in no total")
    unpriced: list[UnpricedUsage] = Field(description="measured, and in no estimate")
    not_estimated: list[NotEstimated] = Field(description="days of which neither a bill nor usage is known")
    tokens_from: list[Literal["usage", "costs"]] = Field(
        description="the books that tokens and requests are from; of one day and account always just one"
    )
    budget_month_to_date: list[BudgetMonth] = Field(
        description="of the months that the days are in, one for each billing account; in no row and no total"
    )
    restatements: list[Restatement] = Field(description="of the days asked for, newest first, at most 100")
    coverage: Coverage = Field(description="what the figures rest on")
    as_of: datetime = Field(description="when the snapshot was published that all of this is from")
    previous: PreviousPeriod | None = Field(description="null without `compare`")
    cursor: str | None = Field(description="leads to the groups after these, from the same snapshot; null at the end")


class DriftDay(Exact):
    """How good the estimate of a model's day was, once its bill was there."""

    provider: str = Field(description="openai, anthropic or vertex")
    account: str = Field(description="the name under which its key is set")
    model: str = Field(description="as the bill names it")
    day: date = Field(description="UTC")
    settled: bool = Field(description="whether the bill is final")
    billed_usd: str = Field(description=USD)
    list_usd: str = Field(description="the same use at list price")
    estimated_usd: str = Field(description="what was estimated before the bill came")
    billed_over_estimated: str = Field(description="the ratio of the two, to four places; 1 is a perfect estimate")
    calibration: str = Field(description="what new estimates of the model are multiplied with, learnt from past bills")


class DriftBody(Exact):
    """`GET /drift`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [DRIFT]})

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")
    rows: list[DriftDay] = Field(description="each day of a model that has both, by provider, account, model and day")
    as_of: datetime = Field(description="when the snapshot was published that all of this is from")


class AlertTested(Exact):
    """What became of a test in one channel."""

    status: Status | Literal["not_asked"] = Field(description="`pending`: it failed, and is tried again")
    error: str | None = Field(description="why it failed; null if it did not")
    next_at: datetime | None = Field(description="when it is tried again")


class AlertTestBody(Exact):
    """`POST /test/alert`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"status": "ok", "channels": {"slack": {"status": "delivered", "error": None, "next_at": None}}}
            ]
        },
    )

    status: Literal["ok", "failing"] = Field(description="ok: every channel that was asked has taken it")
    channels: dict[str, AlertTested] = Field(description="by name, each that is set")
