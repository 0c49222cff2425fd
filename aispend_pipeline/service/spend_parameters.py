"""What `GET /spend` takes."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from pydantic import Field, field_validator

from aispend_pipeline.service.cursors import figures_of, opened_of, sealed_of
from aispend_pipeline.service.evidence_parameters import Names
from aispend_pipeline.service.forms import Form
from aispend_pipeline.service.parameters import Days, Limit
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.service.values import GroupBy, Provider, Sort, Source
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.groups import MOST_GROUPS
from aispend_pipeline.warehouse.questions import (
    DIMENSIONS,
    FIGURES,
    Order,
    Question,
    period_before,
    unfit,
    weeks_before,
)

Skip = Annotated[int, msgspec.Meta(ge=0, lt=10**9)]
_BEFORE = {"previous": period_before, "week": weeks_before}
_OR_NONE = "empty: where it cannot be told"


class SpendParameters(Days):
    """What `GET /spend` takes."""

    group_by: list[GroupBy] = Field(
        ["provider", "model", "day"],
        alias="groupBy",
        max_length=100,
        description="the keys of a group, each once; repeated (groupBy=provider&groupBy=model), or with commas between"
        " them (groupBy=provider,model). `hour` goes with day, provider, account and model alone, and is no filter: the"
        " lines of an hour cannot be listed",
        examples=[["provider", "model"]],
        json_schema_extra={"uniqueItems": True},
    )
    provider: list[Provider] = Field(
        [], max_length=100, description="only these providers; this and the other filters may be repeated"
    )
    account: Names = Field([], description="only these accounts")
    model: Names = Field([], description=f"only these models; {_OR_NONE}")
    project: Names = Field([], description=f"only these projects, by id; {_OR_NONE}, or Anthropic's default workspace")
    workspace: Names = Field([], description="as `project`: what Anthropic calls a project")
    api_key: Names = Field([], description=f"only these keys, by id; {_OR_NONE}")
    line_item: Names = Field([], description=f"only these lines of the bill, as it calls them; {_OR_NONE}")
    token_type: Names = Field([], description=f"only these token types of the bill; {_OR_NONE}")
    service_tier: Names = Field([], description=f"only these tiers; {_OR_NONE}, or OpenAI's standard one")
    source: list[Source] = Field([], max_length=100, description="only these sources")
    sort: list[Sort] = Field(
        [],
        max_length=100,
        description="keys that are grouped by, or figures of this answer; largest first with a minus before it;"
        " repeated, or with commas between them. What is not known comes last, and keys decide where figures are equal",
        examples=[["-cost_usd"]],
        json_schema_extra={"uniqueItems": True},
    )
    limit: Limit | None = Field(None, description=f"at most so many groups, 1 to 500; absent: all, up to {MOST_GROUPS}")
    cursor: str | None = Field(None, max_length=400, description="where the last answer ended, as it said")
    compare: Literal["previous", "week"] | None = Field(
        None,
        description="`previous`: beside the period before. Full calendar months have as many full months before them;"
        " what begins with a month and ends within it has the same days of the month before, as far as that goes;"
        " anything else as many days directly before it. `week`: beside the same weekdays, as many weeks before as the"
        " days take. Not by day or hour. The running day is not whole: compare up to yesterday",
    )
    format: Form | None = Field(
        None, description="`csv`: the rows alone, as RFC 4180 has them; absent: what `Accept` likes best, or JSON"
    )

    @field_validator("group_by")
    @classmethod
    def known_dimensions(cls, given: list[str]) -> list[str]:
        """Each name once, and known."""
        names = _split(given)
        for name in names:
            if name not in DIMENSIONS:
                raise ValueError(f"{name[:40]!r} is none of {', '.join(DIMENSIONS)}")
        if len(set(names)) != len(names):
            raise ValueError("a name is given twice")
        wrong = unfit(names)
        if wrong:
            raise ValueError(wrong)
        return names

    @field_validator("sort")
    @classmethod
    def known_order(cls, given: list[str]) -> list[str]:
        """Each name once, and known."""
        names = _split(given)
        for name in names:
            if name.removeprefix("-") not in (*DIMENSIONS, *FIGURES):
                raise ValueError(f"{name[:40]!r} is none of {', '.join((*DIMENSIONS, *FIGURES))}")
        if len({name.removeprefix("-") for name in names}) != len(names):
            raise ValueError("a name is given twice")
        return names

    def question(self, today: date) -> Question:
        """As the store is asked, from the first group on; `Problem` where its parts do not go together."""
        window = self.window(today)
        question = Question(
            window,
            tuple(self.group_by),
            providers=_each(self.provider),
            accounts=_each(self.account),
            models=_each(self.model),
            projects=_each(self.project),
            workspaces=_each(self.workspace),
            api_keys=_each(self.api_key),
            line_items=_each(self.line_item),
            token_types=_each(self.token_type),
            service_tiers=_each(self.service_tier),
            sources=_each(self.source),
            order=tuple(Order(name.removeprefix("-"), name.startswith("-")) for name in self.sort),
            limit=self.limit,
            previous=_BEFORE[self.compare](window) if self.compare else None,
        )
        if question.wrong:
            raise Problem(422, "wrong-parameter", question.wrong)
        return question

    def place(self, question: Question, published: Published) -> int:
        """How many groups came before; `Problem` for a cursor that this question never gave of these figures."""
        if self.cursor is None:
            return 0
        return opened_of(figures_of(published, question.window), self.cursor, Skip, self._asked(question))

    def cursor_at(self, question: Question, published: Published, skip: int) -> str:
        """A cursor that is good for this question, with any limit and in any form, as long as the figures are these."""
        return sealed_of(figures_of(published, question.window), skip, self._asked(question))

    def _asked(self, question: Question) -> object:
        """What a cursor is bound to; not the days that were left out."""
        days = str(self.first), str(self.last)
        return days, question.group_by, question.filters, question.order, self.compare


def _split(given: list[str]) -> list[str]:
    return [name for text in given for name in text.split(",")]


def _each(given: list[str] | list[Provider]) -> tuple[str, ...]:
    """Each of them once, in an order of its own, so that one question has one spelling."""
    return tuple(sorted({*given}))
