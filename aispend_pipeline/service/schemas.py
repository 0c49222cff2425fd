"""The bodies of the answers, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Literal

from pydantic import ConfigDict, Field

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.service.beside_schemas import (
    BudgetMonth,
    Coverage,
    Exact,
    NotEstimated,
    PreviousPeriod,
    Restatement,
    Unconverted,
    UnpricedUsage,
)
from aispend_pipeline.service.spend_example import DRIFT, SPEND
from aispend_pipeline.service.values import Dimension, Provider, Ratio, Source, Usd


class SpendRow(Exact):
    """One group; the keys that were grouped by are present, null where they cannot be told."""

    hour: datetime | None = Field(None, description="its beginning; null where usage does not tell the hours of a bill")
    day: date | None = Field(None, description="UTC; a day without a row has no figures, which is not zero")
    provider: Provider | None = Field(None, description="whose bill or usage; there if grouped by, as all keys are")
    account: str | None = Field(None, description="the name under which its key is set; `default` without one")
    model: str | None = Field(None, description="as the bill names it")
    project: str | None = Field(
        None,
        description="its id at the provider, of Anthropic the workspace's; null is what cannot be told, or Anthropic's"
        " default workspace: group by provider too",
    )
    project_name: str | None = Field(
        None,
        description="what it is called now, `Default` for Anthropic's default workspace; null if that was never read",
    )
    workspace: str | None = Field(None, description="as `project`: what Anthropic calls a project")
    workspace_name: str | None = Field(None, description="as `project_name`")
    api_key: str | None = Field(None, description="the key's id, never the key")
    api_key_name: str | None = Field(None, description="what it is called now; null if that was never read")
    api_key_owner: str | None = Field(
        None,
        description="whose key it is, by id: the person or service account that OpenAI names as its owner, or who made"
        " it at Anthropic; null if that is not told, or the list was never read. There only if grouped by key",
    )
    api_key_owner_name: str | None = Field(
        None, description="what that person or service account is called now; people of one name have an id each"
    )
    line_item: str | None = Field(None, description="what the bill calls the line")
    token_type: str | None = Field(
        None, description="what the bill counts: input, cached_input, cache_write, output, ..."
    )
    service_tier: str | None = Field(
        None, description="batch, flex, priority, ...; null for OpenAI's standard one, or where it is not told"
    )
    source: Source | None = Field(
        None,
        description="the feed it is from: by source both books speak, the bill and the usage, so that sums of tokens"
        " over sources count twice",
    )
    cost_usd: Usd | None = Field(description="billed; null if nothing is, or all of it in other currencies")
    estimated_usd: Usd | None = Field(
        description="what is used and not billed yet, priced from usage; in no `cost_usd`, and null if nothing"
    )
    allocated_usd: Usd | None = Field(
        None,
        description="the part of `cost_usd` whose key the bill does not tell, and usage does; there only if grouped by"
        " key. Each line of such a bill is shared out in proportion to what the keys used of the same day, model, token"
        " type, tier and workspace, at list price; the pages of the provider's `..._usage` source show that usage."
        " Without a key, that part is use of the console, and the rest is unattributed",
    )
    input_tokens: int | None = Field(
        description="uncached input, null if not known. Tokens are all that was measured, also what is not billed yet"
        " or never will be (see `unpriced`): `cost_usd` over them is too low a price on such days. By line_item or"
        " token_type they are the quantities of the bill alone"
    )
    cached_input_tokens: int | None = Field(description="input read from a cache; null if not known")
    cache_write_tokens: int | None = Field(description="input written to a cache; null if not known")
    output_tokens: int | None = Field(description="what models wrote; null if not known")
    requests: int | None = Field(description="how often a model was asked; null if not known: only usage counts them")
    previous_cost_usd: Usd | None = Field(
        None, description="billed in the period before; there only with `compare`; null as `cost_usd`"
    )
    change_usd: Usd | None = Field(
        None,
        description="`cost_usd` less `previous_cost_usd`, billed alone; there only with `compare`. Where one of them is"
        " null, it counts as nothing billed if its period was read whole (`coverage.complete`, `previous.complete`);"
        " otherwise, and where it is null because of other currencies, the change is not known: null",
    )


class SpendBody(Exact):
    """Groups with their figures, the totals, and what stands beside them.

    Every filter holds for rows, totals and `unconverted`. What stands beside them is filtered as far as it can be:
    `unpriced` by provider, account, model and tier; `restatements` by provider, account, model and source; `coverage`
    and `not_estimated` by provider, account and source; budgets by provider and account.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SPEND]})

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")
    group_by: list[Dimension] = Field(
        alias="groupBy", description="as asked for; the first keys of each row, in this order"
    )
    currency: Literal["USD"] = Field(description="of every field that ends with `_usd`")
    rows: list[SpendRow] = Field(
        description="in the order asked for, else by key: hour, day, provider, account, model and so on; null is last"
    )
    truncated: bool = Field(description="whether `limit` left out groups that come after these")
    total_usd: Usd = Field(description="billed: of all groups, also of those that are not in this answer")
    total_estimated_usd: Usd = Field(description="used and not billed yet; in no `total_usd`")
    unconverted: list[Unconverted] = Field(
        description="billed in currencies for which no rate is known; in no total and no figure of a row"
    )
    unpriced: list[UnpricedUsage] = Field(description="measured, and in no estimate")
    not_estimated: list[NotEstimated] = Field(description="days of which neither a bill nor usage is known")
    tokens_from: list[Literal["usage", "costs"]] = Field(
        description="the books that tokens and requests are from; of one day and account always just one, unless by"
        " source"
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

    provider: Provider = Field(description="whose model it is")
    account: str = Field(description="the name under which its key is set")
    model: str = Field(description="as the bill names it")
    day: date = Field(description="UTC")
    settled: bool = Field(description="whether the bill is final")
    billed_usd: Usd = Field(description="what the bill says")
    list_usd: Usd = Field(description="the same use at list price")
    estimated_usd: Usd = Field(description="what was estimated before the bill came")
    billed_over_estimated: Ratio = Field(description="the ratio of the two, to four places; 1 is a perfect estimate")
    calibration: Ratio = Field(
        description="what new estimates of the model are multiplied with, learnt from past bills"
    )


class DriftBody(Exact):
    """Estimates beside the bills that came later."""

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
    """What became of a test message."""

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
