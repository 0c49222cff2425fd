"""What `POST /admin/recompute` takes."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from aispend_pipeline.model import GRID_START, Window
from aispend_pipeline.service.parameters import Day, Strict, plain_flag
from aispend_pipeline.service.problems import Problem


class RecomputeParameters(Strict):
    """Days, both ends included; UTC."""

    first: Day | None = Field(
        None, alias="from", description="first day, YYYY-MM-DD; absent: AISPEND_START_DATE, or the first of last month"
    )
    last: Day | None = Field(None, alias="to", description="last day, YYYY-MM-DD; absent: today")
    dry_run: Annotated[bool, BeforeValidator(plain_flag)] = Field(
        False, alias="dryRun", description="change nothing and answer what would change, with 200"
    )

    @property
    def explicit(self) -> bool:
        """Whether days were asked for, so that none may be left out."""
        return not (self.first is None and self.last is None)

    def window(self, start: date, today: date) -> Window:
        """The days, from `start` to `today` where nothing is said; `Problem` when they make no sense."""
        last = self.last or today
        first = self.first or min(start, last)
        if last < first:
            raise Problem(422, "wrong-parameter", f"from: {first} is after to, {last}")
        if last > today:
            raise Problem(422, "wrong-parameter", f"to: {last} is after today, {today} (UTC)")
        if first < GRID_START:
            raise Problem(422, "wrong-parameter", f"from: {first} is before {GRID_START}, the first day there is")
        return Window(first, last)
