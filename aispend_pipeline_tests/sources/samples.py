"""The sample answers of all providers: what each is about, and what it says in its own digits."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.model import Window
from aispend_pipeline.simulator.samples import samples
from aispend_pipeline_tests.conftest import ROOT

FOLDER = ROOT / "data" / "samples"
USAGE = "/v1/organization/usage"
# Where each kind of sample is asked for: the start of its name, and the path.
PATHS = {
    "openai": {
        "costs": "/v1/organization/costs",
        **{
            f"usage_{name}": f"{USAGE}/{name}"
            for name in (
                "completions embeddings moderations images audio_speeches audio_transcriptions vector_stores"
                " code_interpreter_sessions file_search_calls web_search_calls"
            ).split()
        },
    },
    "anthropic": {
        "cost_report": "/v1/organizations/cost_report",
        "usage_report_messages": "/v1/organizations/usage_report/messages",
    },
}


@dataclass(frozen=True)
class Sample:
    """One file: whose answer it is, and to which question."""

    provider: str
    kind: str
    file: Path

    def __str__(self) -> str:
        return f"{self.provider}-{self.file.stem}"

    @property
    def path(self) -> str:
        return PATHS[self.provider][self.kind]

    def answer(self) -> dict:
        return json.loads(self.file.read_text(), parse_float=Decimal)

    def buckets(self) -> list[tuple[date, list[dict]]]:
        return [(_day(bucket), bucket["results"]) for bucket in self.answer()["data"]]

    def window(self) -> Window:
        days = [day for day, _ in self.buckets()]
        return Window(min(days), max(days))

    def bill(self) -> list[tuple[date, str | None, Decimal]]:
        """Day, line item and USD of each line; Anthropic's digits are cents."""
        return [(day, *_charge(result)) for day, results in self.buckets() for result in results]


def _day(bucket: dict) -> date:
    if "starting_at" in bucket:
        return date.fromisoformat(bucket["starting_at"][:10])
    return datetime.fromtimestamp(bucket["start_time"], UTC).date()


def _charge(result: dict) -> tuple[str | None, Decimal]:
    if "description" in result:
        return result["description"], Decimal(result["amount"]) / 100
    return result.get("line_item"), Decimal(result["amount"]["value"]).quantize(Decimal("1e-18"))


def all_of(*kinds: str) -> list[Sample]:
    """The samples of these kinds of questions, in the order of their names; all, if none is named."""
    return [
        Sample(provider, kind, file)
        for provider, paths in PATHS.items()
        for kind in paths
        for file in sorted((FOLDER / provider).glob(f"{kind}_*.json"))
        if not kinds or kind in kinds
    ]


def serving(*given: Sample) -> ASGIApp:
    """Answers with these, byte for byte, and with an empty last page where one of them announces a further page."""
    app = samples({sample.path: sample.file for sample in given})
    nothing_more = JSONResponse({"data": [], "has_more": False, "next_page": None})

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        at_a_cursor = "page" in QueryParams(scope["query_string"])
        await (nothing_more if at_a_cursor else app)(scope, receive, send)

    return answer
