"""The parameters of the routes: strict, so that a typo is never silently "no filter"."""

from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from aispend_pipeline.model import Window, parse_day
from aispend_pipeline.service.problems import Problem

MOST_DAYS = 3660
EARLIEST = date(2015, 1, 1)  # nobody sold tokens before
_AHEAD = timedelta(days=366)


def _day(text: Any) -> Any:
    return parse_day(text) if isinstance(text, str) else text


def _plain_number(text: Any) -> Any:
    if isinstance(text, str) and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError("is not a whole number")
    return text


def plain_flag(text: Any) -> Any:
    """A text that is `true` or `false`; `ValueError` if it is not."""
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return text


Limit = Annotated[int, Field(ge=1, le=500), BeforeValidator(_plain_number)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]


class Strict(BaseModel):
    """Takes nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class NoParameters(Strict):
    """For routes that take none."""


class AlertTestParameters(Strict):
    """What `POST /test/alert` takes."""

    hook: Annotated[bool, BeforeValidator(plain_flag)] = Field(
        False, description="also send to the hard-cap webhook, whose receiver may act on whatever it hears"
    )


class Days(Strict):
    """The days asked for, both ends included; UTC."""

    first: Day | None = Field(None, alias="from", description="first day, YYYY-MM-DD; absent: the first of this month")
    last: Day | None = Field(None, alias="to", description="last day, YYYY-MM-DD; absent: today")

    def window(self, today: date) -> Window:
        """The days, with what was left out filled in; `Problem` when they make no sense."""
        last = self.last or max(today, self.first or today)
        return checked(self.first or last.replace(day=1), last, today)


def checked(first: date, last: date, today: date) -> Window:
    """The days from `first` to `last`; `Problem` when they make no sense."""
    if last < first:
        raise Problem(422, "wrong-parameter", f"from: {first} is after to, {last}")
    if first < EARLIEST or last > today + _AHEAD:
        raise Problem(422, "wrong-parameter", f"from, to: days lie between {EARLIEST} and a year from today")
    if (last - first).days >= MOST_DAYS:
        raise Problem(422, "wrong-parameter", f"from, to: more than {MOST_DAYS} days; ask for fewer at a time")
    return Window(first, last)
