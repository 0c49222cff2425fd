"""The parameters of the routes: strict, so that a typo is never silently "no filter"."""

import hashlib
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from aispend_pipeline.model import GRID_START, Window, parse_day
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.warehouse.pages import Place
from aispend_pipeline.warehouse.reads import DIMENSIONS, Question, unfit

MOST_DAYS = 3660
EARLIEST = date(2015, 1, 1)  # nobody sold tokens before
_AHEAD = timedelta(days=366)


def _day(text: Any) -> Any:
    return parse_day(text) if isinstance(text, str) else text


def _plain_number(text: Any) -> Any:
    if isinstance(text, str) and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError("is not a whole number")
    return text


def _plain_flag(text: Any) -> Any:
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text


Limit = Annotated[int, Field(ge=1, le=500), BeforeValidator(_plain_number)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NoParameters(_Strict):
    """For routes that take none."""


class AlertTestParameters(_Strict):
    """What `POST /test/alert` takes."""

    hook: Annotated[bool, BeforeValidator(_plain_flag)] = Field(
        False, description="also send to the hard-cap webhook, whose receiver may act on whatever it hears"
    )


class Days(_Strict):
    """The days asked for, both ends included; UTC."""

    first: Day | None = Field(None, alias="from", description="first day, YYYY-MM-DD; absent: the first of this month")
    last: Day | None = Field(None, alias="to", description="last day, YYYY-MM-DD; absent: today")

    def window(self, today: date) -> Window:
        """The days, with what was left out filled in; `Problem` when they make no sense."""
        last = self.last or max(today, self.first or today)
        return _checked(self.first or last.replace(day=1), last, today)


def _checked(first: date, last: date, today: date) -> Window:
    if last < first:
        raise Problem(422, "wrong-parameter", f"from: {first} is after to, {last}")
    if first < EARLIEST or last > today + _AHEAD:
        raise Problem(422, "wrong-parameter", f"from, to: days lie between {EARLIEST} and a year from today")
    if (last - first).days >= MOST_DAYS:
        raise Problem(422, "wrong-parameter", f"from, to: more than {MOST_DAYS} days; ask for fewer at a time")
    return Window(first, last)


class SpendParameters(Days):
    """What `GET /spend` takes."""

    group_by: list[str] = Field(
        ["provider", "model", "day"],
        alias="groupBy",
        description=f"any of {', '.join(DIMENSIONS)}; repeated or with commas",
    )
    provider: list[Literal["openai", "anthropic", "vertex"]] = Field([], description="only these providers")
    account: list[str] = Field([], description="only these accounts")
    model: list[str] = Field([], description="only these models; empty: those that cannot be told")
    limit: Limit | None = Field(None, description="at most so many groups, 1 to 500; absent: all")

    @field_validator("group_by")
    @classmethod
    def known_dimensions(cls, given: list[str]) -> list[str]:
        """Each name once, and known."""
        names = [name for text in given for name in text.split(",")]
        for name in names:
            if name not in DIMENSIONS:
                raise ValueError(f"{name[:40]!r} is none of {', '.join(DIMENSIONS)}")
        if len(set(names)) != len(names):
            raise ValueError("a name is given twice")
        wrong = unfit(names)
        if wrong:
            raise ValueError(wrong)
        return names

    def question(self, today: date) -> Question:
        """As the store is asked."""
        return Question(
            self.window(today),
            tuple(self.group_by),
            tuple(self.provider),
            tuple(self.account),
            tuple(self.model),
            self.limit,
        )


class RawParameters(_Strict):
    """What `GET /providers/{name}/raw` takes."""

    first: Day | None = Field(None, alias="from", description="first day, YYYY-MM-DD; absent: no bound")
    last: Day | None = Field(None, alias="to", description="last day, YYYY-MM-DD; absent: no bound")
    limit: Limit = Field(50, description="pages in one answer, 1 to 500")
    cursor: str | None = Field(None, max_length=400, description="where the last answer ended, as it said")

    def window(self, today: date) -> Window:
        """The days whose pages are wanted: all there can be, where nothing else is said."""
        return _checked(self.first or GRID_START, self.last or max(today, self.first or today), today)

    def place(self, provider: str) -> Place | None:
        """Where to go on; `Problem` for a cursor that this question never gave."""
        if self.cursor is None:
            return None
        try:
            place = Place(*(int(part) for part in self.cursor.split(".")[:2]))
        except (ValueError, TypeError):
            place = Place(-1, -1)
        if self.cursor != self.cursor_at(provider, place):
            raise Problem(400, "bad-cursor", "cursor: not one that this question gave; start again without it")
        return place

    def cursor_at(self, provider: str, place: Place) -> str:
        """An opaque, URL-safe cursor that is good for this question only, whenever it is asked."""
        asked = f"{provider} {self.first} {self.last} {place.seq} {place.page_no}"
        return f"{place.seq}.{place.page_no}.{hashlib.sha256(asked.encode()).hexdigest()[:12]}"
