"""The four sources as a script sees them: how each is asked, how it spells a page, what an error looks like."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from aispend_pipeline.model import Fetch, Page, Reading, Window, midnight
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.engine import Source
from aispend_pipeline_tests.conftest import KEY

from .scripted import ANTHROPIC_KEY, NOW, Answer, Asked, Provider, Script, costs


@dataclass(frozen=True)
class Shape:
    """One source: its answers are made of figures, dollars or tokens, that its normaliser has in `column`.

    A figure is a number, or JSON text as it stands.
    """

    name: str
    path: str
    column: str
    start: str  # how a bucket calls its edges
    end: str
    credentials: Mapping[str, str]
    of_figure: Callable[[Any], dict[str, Any]]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> Source:
        return SOURCES[self.name]

    @property
    def is_bill(self) -> bool:
        return self.column == "amount"

    @property
    def group(self) -> str:
        """A dimension that tells results apart."""
        return "project_id" if self.source.provider == "openai" else "workspace_id"

    def result(self, figure: Any = 1, group: str | None = None, **more: Any) -> dict[str, Any]:
        return {**self.of_figure(figure), self.group: group, **more}

    def bucket(self, day: Any, *results: Mapping[str, Any]) -> dict[str, Any]:
        """One bucket; `day` is a day, or its start as it stands."""
        edge = _instant if self.source.provider == "anthropic" else _seconds
        ends = {self.start: day, self.end: None}
        if isinstance(day, date) and not isinstance(day, datetime):
            ends = {self.start: edge(midnight(day)), self.end: edge(midnight(date.fromordinal(day.toordinal() + 1)))}
        return {**ends, "results": list(results)}

    def hour(self, day: date, hour: int, *results: Mapping[str, Any]) -> dict[str, Any]:
        """The bucket of one hour."""
        edge = _instant if self.source.provider == "anthropic" else _seconds
        start = midnight(day) + timedelta(hours=hour)
        return {self.start: edge(start), self.end: edge(start + timedelta(hours=1)), "results": list(results)}

    def page(self, *buckets: Mapping[str, Any], more: str | None = None) -> bytes:
        return msgspec.json.encode({"data": buckets, "has_more": more is not None, "next_page": more})

    def script(self, rows: Sequence[bytes], control: Sequence[bytes] | None = None) -> Script:
        """Pages of the main question; every other endpoint of the source says that there was nothing."""
        answered = costs(rows, control)
        return lambda asked: answered(asked) if self.is_main(asked) else Answer(self.nothing(asked))

    def nothing(self, asked: Asked) -> bytes:
        """An empty bucket of every day that is asked for."""
        first, end = (self._asked_for(asked, name) for name in (self.start, self.end))
        return self.page(*(self.bucket(day) for day in Window(first, end - timedelta(days=1)).days()))

    def _asked_for(self, asked: Asked, edge: str) -> date:
        text = next(iter(asked.all(edge)), None)
        if text is None:
            return NOW.date() + timedelta(days=1)
        return datetime.fromtimestamp(int(text), UTC).date() if text.isdigit() else date.fromisoformat(text[:10])

    def is_main(self, asked: Asked) -> bool:
        return asked.path.endswith(self.path)

    def asked(self, provider: Provider) -> list[Asked]:
        """The questions for rows at the main path."""
        return [asked for asked in provider.of(Reading.ROWS) if self.is_main(asked)]

    def pages(self, fetch: Fetch) -> list[Page]:
        """The pages of rows at the main path."""
        return [p for p in fetch.pages if p.reading is Reading.ROWS and p.request.path.endswith(self.path)]

    def figures(self, fetch: Fetch) -> dict[str, Decimal]:
        """By day that was asked for, the sum of what can be kept."""
        bodies = [page.body for page in fetch.pages if page.reading is Reading.ROWS]
        sums = {str(answer.day): Decimal(0) for answer in fetch.answers}
        for table in self.source.normaliser.records(lambda: bodies, NOW):
            for row in table.to_pylist():
                if row["fault"] is None and row["day"] in fetch.window:
                    sums[str(row["day"])] += row[self.column]
        return sums


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _openai_line(figure: Any) -> dict[str, Any]:
    value = figure if isinstance(figure, msgspec.Raw) else msgspec.Raw(str(figure).encode())
    return {"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"}}


def _anthropic_line(figure: Any) -> dict[str, Any]:
    cents = f"{Decimal(figure) * 100:f}" if isinstance(figure, int | Decimal) else figure
    return {"amount": cents, "currency": "USD", "description": "Claude Opus 5 Usage - Input Tokens"}


def _completions(figure: Any) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": figure,
        "output_tokens": 0,
        "num_model_requests": 1,
    }


def _messages(figure: Any) -> dict[str, Any]:
    return {"uncached_input_tokens": figure, "cache_read_input_tokens": 0, "output_tokens": 0}


_OPENAI = ("start_time", "end_time", {"authorization": f"Bearer {KEY}"})
_ANTHROPIC = ("starting_at", "ending_at", {"x-api-key": ANTHROPIC_KEY, "anthropic-version": "2023-06-01"})
OPENAI_COSTS = Shape("openai_costs", "/organization/costs", "amount", *_OPENAI, _openai_line)
OPENAI_USAGE = Shape("openai_usage", "/organization/usage/completions", "input_tokens", *_OPENAI, _completions)
ANTHROPIC_COSTS = Shape("anthropic_costs", "/v1/organizations/cost_report", "amount", *_ANTHROPIC, _anthropic_line)
ANTHROPIC_USAGE = Shape(
    "anthropic_usage", "/v1/organizations/usage_report/messages", "input_tokens", *_ANTHROPIC, _messages
)
ALL = [OPENAI_COSTS, OPENAI_USAGE, ANTHROPIC_COSTS, ANTHROPIC_USAGE]
BILLS = [shape for shape in ALL if shape.is_bill]
# How each provider says no.
ERRORS: dict[str, Callable[[str], bytes]] = {
    "openai": lambda text: json.dumps({"error": {"message": text, "type": "x", "param": None, "code": None}}).encode(),
    "anthropic": lambda text: json.dumps(
        {"type": "error", "error": {"type": "x", "message": text}, "request_id": "req_1"}
    ).encode(),
}


def refusal(shape: Shape, status: int, text: str = "no", **headers: str) -> Answer:
    """An error in the provider's own words."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(ERRORS[shape.source.provider](text), status, named)
