"""What the routes of evidence take."""

import hashlib
from datetime import date

from pydantic import Field

from aispend_pipeline.model import GRID_START, Window
from aispend_pipeline.service.parameters import Day, Limit, Strict, checked
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.warehouse.pages import Place


class RawParameters(Strict):
    """What `GET /providers/{name}/raw` takes."""

    first: Day | None = Field(None, alias="from", description="first day, YYYY-MM-DD; absent: no bound")
    last: Day | None = Field(None, alias="to", description="last day, YYYY-MM-DD; absent: no bound")
    limit: Limit = Field(50, description="pages in one answer, 1 to 500")
    cursor: str | None = Field(None, max_length=400, description="where the last answer ended, as it said")

    def window(self, today: date) -> Window:
        """The days whose pages are wanted: all there can be, where nothing else is said."""
        return checked(self.first or GRID_START, self.last or max(today, self.first or today), today)

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
