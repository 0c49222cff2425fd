"""What can be asked of spend: days, dimensions to group and filter by, an order, and a part of the groups."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from aispend_pipeline.model import Window

# What the rollup answers; the rest is answered from the rows.
OF_THE_ROLLUP = ("day", "provider", "account", "model")
# Goes with those of the rollup alone: no line of a bill tells its hour.
HOUR = "hour"
# Only the bill has these.
OF_THE_BILL = ("line_item", "token_type")
OF_THE_ROWS = (*OF_THE_ROLLUP, "project", "workspace", "api_key", *OF_THE_BILL, "service_tier", "source")
# What spend can be grouped by, in the order of an answer's keys; a workspace is what Anthropic calls a project.
DIMENSIONS = (HOUR, *OF_THE_ROWS)
TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests")
# Dimensions whose ids have names.
NAMED = ("project", "workspace", "api_key")
# What groups can be put in order by, beside their keys, and what each figure is called in SQL.
FIGURES = {
    "cost_usd": "usd",
    "estimated_usd": "estimated_usd",
    "allocated_usd": "allocated_usd",
    "previous_cost_usd": "previous_usd",
    "change_usd": "change_usd",
    **{name: name for name in TOKENS},
}


class Order(NamedTuple):
    """A key or a figure that groups are put in order by; what is not known comes last either way."""

    name: str
    descending: bool = False


@dataclass(frozen=True)
class Question:
    """What is asked of spend.

    An empty filter lets everything through, and an empty text in one asks for what cannot be told. Groups come in
    `order`, and where that does not tell them apart by their keys; `skip` leaves out those that come first. `previous`
    is a period to compare with, which ends before the window.
    """

    window: Window
    group_by: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    limit: int | None = None
    projects: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    line_items: tuple[str, ...] = ()
    token_types: tuple[str, ...] = ()
    service_tiers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()
    skip: int = 0
    previous: Window | None = None

    @property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The filters that are set, by dimension."""
        given = {
            "provider": self.providers,
            "account": self.accounts,
            "model": self.models,
            "project": self.projects,
            "workspace": self.workspaces,
            "api_key": self.api_keys,
            "line_item": self.line_items,
            "token_type": self.token_types,
            "service_tier": self.service_tiers,
            "source": self.sources,
        }
        return {name: values for name, values in given.items() if values}

    @property
    def dimensions(self) -> set[str]:
        """All that it groups or filters by."""
        return {*self.group_by, *self.filters}

    @property
    def of_the_rollup(self) -> bool:
        """Whether sums answer it, without a look at the rows."""
        return self.dimensions <= {*OF_THE_ROLLUP, HOUR}

    @property
    def of_the_bill(self) -> bool:
        """Whether it is about what only bills have."""
        return bool(self.dimensions & {*OF_THE_BILL})

    @property
    def wrong(self) -> str | None:
        """Why it cannot be answered; none if it can."""
        together = unfit(self.dimensions)
        return (f"groupBy: {together}" if together else None) or self._wrong_order() or self._wrong_comparison()

    def _wrong_order(self) -> str | None:
        figures = {*FIGURES}
        if "api_key" not in self.group_by:
            figures -= {"allocated_usd"}
        if self.previous is None:
            figures -= {"previous_cost_usd", "change_usd"}
        for name, _ in self.order:
            if name not in figures and name not in self.group_by:
                return f"sort: {name} is neither grouped by nor a figure of this answer"
        return None

    def _wrong_comparison(self) -> str | None:
        within = {"day", HOUR} & {*self.group_by}
        if self.previous is not None and within:
            return f"compare: periods are compared as wholes, not by {', '.join(sorted(within))}"
        return None


def unfit(dimensions: Collection[str]) -> str | None:
    """Why these dimensions do not go together; none if they do."""
    others = {*dimensions} - {HOUR, *OF_THE_ROLLUP}
    if HOUR in dimensions and others:
        return f"hour goes with {', '.join(OF_THE_ROLLUP)} alone, not with {', '.join(sorted(others))}"
    return None


def period_before(window: Window) -> Window:
    """The period to compare `window` with.

    Full calendar months have as many full months before them. What begins with a month and ends within it has the same
    days of the month before, as far as that goes. Anything else has as many days directly before it.
    """
    first, last = window.first, window.last
    day_before = first - timedelta(days=1)
    if first.day != 1:
        return Window(first - (last - first) - timedelta(days=1), day_before)
    if (last + timedelta(days=1)).day == 1:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return Window(_months_before(first, months), day_before)
    if (first.year, first.month) == (last.year, last.month):
        begin = day_before.replace(day=1)
        return Window(begin, min(begin + (last - first), day_before))
    return Window(first - (last - first) - timedelta(days=1), day_before)


def weeks_before(window: Window) -> Window:
    """The same weekdays as those of `window`, as many whole weeks before as it takes them."""
    back = timedelta(weeks=-(-len([*window.days()]) // 7))
    return Window(window.first - back, window.last - back)


def _months_before(first: date, months: int) -> date:
    years, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return date(years, month + 1, 1)
