"""What stands beside groups of spend, for the OpenAPI document."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aispend_pipeline.model import CoverageState, Finality
from aispend_pipeline.service.values import Amount, Provider, Source, Usd


class Exact(BaseModel):
    """Nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class CoveredDay(Exact):
    """What is known of one day of one source and account."""

    source: Source = Field(description="which of its feeds; coverage is kept for each")
    account: str = Field(description="the name under which its key is set")
    day: date = Field(description="UTC")
    state: CoverageState = Field(
        description="complete; partial: some of its money cannot be booked; failed; not_due: not known yet"
    )
    finality: Finality | None = Field(description="whether it may still change; null if never read")
    last_read_at: datetime | None = Field(description="when it was last read whole; null if never")
    detail: dict[str, Any] = Field(
        description="both figures of an accepted disagreement, a refused re-read, and so on. `reason` of a day that is"
        " not_due: `in the future`, `never asked for`, or that the provider did not answer for all of it"
    )


class Coverage(Exact):
    """Whether every day asked for was read whole, and each of them."""

    complete: bool = Field(description="whether every day of every source and account that is asked about was")
    days: list[CoveredDay] = Field(description="each day asked for of each source and account that filters let through")


class Unconverted(Exact):
    """An amount in another currency, in no sum: a group all of it has null figures; `/spend/rows` lists its lines."""

    currency: str = Field(description="ISO 4217")
    amount: Amount = Field(description="in that currency")


class UnpricedUsage(Exact):
    """What was measured and is in no estimate: no bill ever lists it, or it has no list price and no whole bill yet."""

    provider: Provider = Field(description="whose it is")
    account: str = Field(description="the name under which its key is set")
    service_tier: str | None = Field(description="the tier it was used in; null if not known")
    model: str | None = Field(description="as the bill names it; null if not known")
    input_tokens: int | None = Field(description="uncached input; null if not known")
    cached_input_tokens: int | None = Field(description="input read from a cache; null if not known")
    cache_write_tokens: int | None = Field(description="input written to a cache; null if not known")
    output_tokens: int | None = Field(description="what the model wrote; null if not known")
    other_units: int | None = Field(description="what else than tokens: characters, seconds, searches")
    why: str | None = Field(description="why it has no money, for people")
    never_billed: bool = Field(description="whether no bill will ever list it; else it waits for one")


class NotEstimated(Exact):
    """Days without a bill, of a provider whose usage comes only with it."""

    provider: Provider = Field(description="vertex: the others tell their usage apart from the bill")
    account: str = Field(description="the name under which it is set")
    days: list[date] = Field(description="oldest first")


class Restatement(Exact):
    """A day that was over and became another sum when it was read again."""

    day: date = Field(description="UTC")
    source: Source = Field(description="the book that changed")
    account: str = Field(description="the name under which its key is set")
    provider: Provider = Field(description="whose it is")
    model: str | None = Field(description="as the bill names it; null if not known")
    was_usd: Usd = Field(description="billed for that day and model, as it was read before")
    is_usd: Usd = Field(description="the same, as it is now")
    at: datetime = Field(description="when it was found")
    fetch_id: str = Field(
        description="the answer that `is_usd` is from: `/spend/rows?fetch=` lists its lines as long as no newer one"
        " takes its place, and they lead to its pages"
    )


class BudgetMonth(Exact):
    """What a monthly budget of Google's AI services says is spent: cumulative, of a Pacific month, and no bill."""

    account: str = Field(description="the name under which it is set")
    billing_account: str = Field(description="Google's id of it")
    budget: str = Field(description="what it is called")
    month: str = Field(description="YYYY-MM; it begins at midnight in Los Angeles")
    amount: Amount = Field(description="spent since then, in `currency`")
    currency: str = Field(description="ISO 4217")
    usd: Usd | None = Field(
        description="`amount` if it is in dollars; null in another currency: budgets come without a rate"
    )
    published_at: datetime = Field(description="when Google said so")
    label: Literal["budget, Pacific month"] = Field(description="what it is to be shown as")


class PreviousPeriod(Exact):
    """The period that was compared with."""

    first: date = Field(alias="from", description="its first day")
    last: date = Field(alias="to", description="its last day")
    total_usd: Usd = Field(description="billed")
    total_estimated_usd: Usd = Field(description="used and not billed yet; in no `total_usd`")
    complete: bool = Field(description="whether every day of it was read whole")
