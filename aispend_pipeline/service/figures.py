"""Routes that answer sums from the newest snapshot, cached by it."""

from dataclasses import replace
from typing import Annotated, Any

import duckdb
import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from aispend_pipeline.errors import UsageError
from aispend_pipeline.service import answers, forms
from aispend_pipeline.service.caching import cached, in_form, matches, tag_of, tagged
from aispend_pipeline.service.kept import Kept, Made
from aispend_pipeline.service.parameters import Days
from aispend_pipeline.service.problems import Kind, Problem, answered
from aispend_pipeline.service.schemas import DriftBody, SpendBody
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.spend_example import CSV, CSV_HEADERS
from aispend_pipeline.service.spend_parameters import SpendParameters
from aispend_pipeline.warehouse import Published, reads
from aispend_pipeline.warehouse.drift import drift
from aispend_pipeline.warehouse.questions import Question
from aispend_pipeline.warehouse.reads import Facts
from aispend_pipeline.warehouse.snapshots import pointer


def add_figures(app: FastAPI, service: Service) -> None:
    """Routes that answer from the newest snapshot."""
    _add_spend(app, service)
    _add_drift(app, service)


def _add_spend(app: FastAPI, service: Service) -> None:
    kept, known = Kept(), _Known()

    @app.get(
        "/spend",
        summary="Billed and estimated spend by day, provider, account, model and more",
        tags=["Figures"],
        responses=_answered(),
    )
    async def get_spend(request: Request, parameters: Annotated[SpendParameters, Query()]) -> Response:
        """Without parameters: this month by provider, model and day.

        What is billed and what is only estimated are never in one figure. Filters are alternatives within a name and
        hold together across names. The lines behind a group are at `/spend/rows` and `/spend/estimates`, with the same
        days and the group's keys as filters.
        """
        asked = _Asked(parameters, request.headers.get("accept", ""), service)

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, Made]:
            return asked.tag(published), asked.made(published, cursor, known.of(published))

        current = pointer(service.settings.home)
        if current is not None:
            tag = asked.tag(current)
            if matches(tag, request.headers.get("if-none-match", "")):
                return in_form(tag, None)
            found = kept.get(tag)
            if found is not None:
                return in_form(tag, found)
        tag, made = await service.read(ask)
        kept.put(tag, made)
        return in_form(tag, made)


def _add_drift(app: FastAPI, service: Service) -> None:
    @app.get(
        "/drift",
        summary="How good estimates were, by model and day, once the bill was there",
        tags=["Figures"],
        responses=tagged(answered(DriftBody, "store", says="Estimates beside the bills that came later")),
    )
    async def get_drift(request: Request, parameters: Annotated[Days, Query()]) -> Response:
        """Each day of a model for which there is a bill and was an estimate."""
        window = parameters.window(service.clock.now().date())

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, bytes | None]:
            tag = tag_of(published, "drift", window)
            if matches(tag, request.headers.get("if-none-match", "")):
                return tag, None
            rows = answers.drifts(drift(cursor, window))
            return tag, orjson.dumps({**answers.days(window), "rows": rows, "as_of": published.at})

        return cached(*await service.read(ask))


def _answered() -> dict[int | str, dict[str, Any]]:
    """How `GET /spend` answers, in either form."""
    many = Kind(422, "more than 50000 groups; group by less, or ask for fewer days or a limit at a time")
    says = "Groups with their figures, the totals, and what stands beside them"
    found = answered(SpendBody, "bad-cursor", "store", says=says, more={"too-many-groups": many})
    found[200] |= {"content": {"text/csv": {"schema": {"type": "string"}, "example": CSV}}, "headers": CSV_HEADERS}
    return tagged(found)


class _Known:
    """The facts of the newest snapshot."""

    def __init__(self) -> None:
        self._newest: tuple[str, Facts] = ("", Facts())

    def of(self, published: Published) -> Facts:
        """Those of `published`, which becomes the newest."""
        file, facts = self._newest
        if file != published.file:
            facts = Facts()
            self._newest = published.file, facts
        return facts


class _Asked:
    """One request for spend."""

    def __init__(self, parameters: SpendParameters, accept: str, service: Service) -> None:
        self.today = service.clock.now().date()
        self.question = parameters.question(self.today)
        self.form = forms.chosen(parameters.format, accept)
        self._parameters, self._feeds = parameters, service.feeds

    def tag(self, published: Published) -> str:
        """The ETag of the answer that a snapshot gives; `Problem` for a cursor that it never gave."""
        return tag_of(published, self._from_place(published), self.form, self._feeds, self.today)

    def _from_place(self, published: Published) -> Question:
        return replace(self.question, skip=self._parameters.place(self.question, published))

    def made(self, published: Published, cursor: duckdb.DuckDBPyConnection, facts: Facts) -> Made:
        """The answer that a snapshot gives, in the form asked for."""
        question = self._from_place(published)
        try:
            answer = reads.ask(cursor, question, self._feeds, self.today, facts)
        except UsageError as error:
            raise Problem(422, "too-many-groups", str(error)) from None
        after = question.skip + len(answer.rows)
        more = self._parameters.cursor_at(self.question, published, after) if answer.truncated else None
        if self.form == "csv":
            return Made(forms.csv_text(question, answer).encode(), forms.csv_headers(question, answer, published, more))
        body = orjson.dumps(answers.spend(question, answer, published, more))
        return Made(body, {"content-type": "application/json"})
