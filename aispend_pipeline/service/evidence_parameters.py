"""What the routes of evidence take."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from aispend_pipeline.model import GRID_START, Window
from aispend_pipeline.service.cursors import figures_of, opened, opened_of, sealed, sealed_of
from aispend_pipeline.service.forms import Form
from aispend_pipeline.service.parameters import Day, Days, Limit, Strict, checked
from aispend_pipeline.service.values import AnySource, BillingSource, ChargeCategory, MeasuringSource, Provider
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.lines import FILTERS, OF_ESTIMATES, LinePlace, LineQuestion
from aispend_pipeline.warehouse.pages import Place

Names = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=100)]
Receipt = Annotated[str, Field(min_length=1, max_length=200)]
_OR_NONE = "empty: where it cannot be told"


class RawParameters(Strict):
    """What `GET /providers/{name}/raw` takes."""

    first: Day | None = Field(
        None, alias="from", description="first day covered, YYYY-MM-DD, not the day of the fetch; absent: no bound"
    )
    last: Day | None = Field(None, alias="to", description="last day covered, YYYY-MM-DD; absent: no bound")
    source: list[AnySource] = Field([], max_length=100, description="only these sources; may be repeated")
    account: Names = Field([], description="only these accounts; may be repeated")
    limit: Limit = Field(50, description="pages in one answer, 1 to 500")
    cursor: str | None = Field(None, max_length=400, description="where the last answer ended, as it said")

    def window(self, today: date) -> Window:
        """The days whose pages are wanted: all there can be, where nothing else is said."""
        return checked(self.first or GRID_START, self.last or max(today, self.first or today), today)

    def place(self, provider: str) -> Place | None:
        """Where to go on; `Problem` for a cursor that this question never gave."""
        return None if self.cursor is None else opened(self.cursor, Place, self._question(provider))

    def cursor_at(self, provider: str, place: Place | None) -> str | None:
        """A cursor that is good for this question, whenever it is asked."""
        return sealed(place, self._question(provider)) if place else None

    def _question(self, provider: str) -> object:
        return provider, str(self.first), str(self.last), self.source, self.account


class EstimateParameters(Days):
    """What `GET /spend/estimates` takes."""

    _filters: ClassVar[tuple[str, ...]] = OF_ESTIMATES

    provider: list[Provider] = Field(
        [], max_length=100, description="only these providers; this and the other filters may be repeated"
    )
    account: Names = Field([], description="only these accounts")
    source: list[MeasuringSource] = Field(
        [], max_length=100, description="only these sources; the others measure nothing"
    )
    model: Names = Field([], description=f"only these models; {_OR_NONE}")
    project: Names = Field([], description=f"only these projects; {_OR_NONE}")
    workspace: Names = Field([], description="as `project`: what Anthropic calls a project")
    api_key: Names = Field([], description=f"only these keys, by id; {_OR_NONE}")
    token_type: Names = Field([], description=f"only these token types; {_OR_NONE}")
    service_tier: Names = Field([], description=f"only these tiers; {_OR_NONE}")
    page: Receipt | None = Field(None, description="only lines of this page; then all its days unless days are given")
    fetch: Receipt | None = Field(None, description="only lines of this fetch; then all its days unless days are given")
    limit: Limit = Field(50, description="lines in one answer, of either form, 1 to 500; the cursor leads to the next")
    cursor: str | None = Field(None, max_length=2000, description="where the last answer ended, as it said")
    format: Form | None = Field(
        None,
        description="`csv`: a title and the lines without their links, as RFC 4180 has them, and what stands beside"
        " them in headers; absent: what `Accept` likes best, or JSON",
    )

    def window(self, today: date) -> Window:
        """The days asked for: with a page or a fetch all there can be, where nothing else is said."""
        if self.page is None and self.fetch is None:
            return super().window(today)
        return checked(self.first or GRID_START, self.last or max(today, self.first or today), today)

    def question(self, today: date) -> LineQuestion:
        """As the store is asked."""
        only = {name: tuple(getattr(self, name)) for name in self._filters}
        return LineQuestion(self.window(today), only, self.page, self.fetch)

    def place(self, question: LineQuestion, published: Published) -> LinePlace | None:
        """Where to go on; `Problem` for a cursor that this question never gave, or gave of other figures."""
        if self.cursor is None:
            return None
        return opened_of(figures_of(published, question.window), self.cursor, LinePlace, _asked(self, question))

    def cursor_at(self, question: LineQuestion, published: Published, place: LinePlace | None) -> str | None:
        """A cursor that is good for this question, as long as the figures are these."""
        figures = figures_of(published, question.window)
        return sealed_of(figures, place, _asked(self, question)) if place else None


class RowParameters(EstimateParameters):
    """What `GET /spend/rows` takes."""

    _filters: ClassVar[tuple[str, ...]] = FILTERS

    source: list[BillingSource] = Field([], max_length=100, description="only these sources; the others bill nothing")
    line_item: Names = Field([], description=f"only these lines of the bill, as it calls them; {_OR_NONE}")
    charge_category: list[ChargeCategory] = Field([], max_length=100, description="only these kinds of charges")


def _asked(parameters: EstimateParameters, question: LineQuestion) -> object:
    """What a cursor is bound to, by the names of all filters; not the days that were left out."""
    days = str(parameters.first), str(parameters.last)
    return days, dict(question.only), question.page, question.fetch
