"""What `GET /spend` takes."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from aispend_pipeline.service.parameters import Days, Limit
from aispend_pipeline.warehouse.reads import DIMENSIONS, Question, unfit


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
