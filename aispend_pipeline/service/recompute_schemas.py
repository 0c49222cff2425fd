"""The bodies of `/admin/recompute`, for the OpenAPI document. A test holds real answers to them."""

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from aispend_pipeline.recompute.requests import How, Progress
from aispend_pipeline.service.beside_schemas import Exact
from aispend_pipeline.service.values import Provider, Source, Usd

ID, _RUN = "4c0c3b0e-5a3c-4a0a-9b0e-0d8f3c6d2b1a", "09102799-79ae-4b39-8c0b-60cd2bc94e1c"
_DAYS: dict[str, Any] = {"from": "2026-06-01", "to": "2026-06-12"}
_REQUEST: dict[str, Any] = {
    "run_id": ID,
    "status_url": f"/admin/recompute/{ID}",
    "state": "queued",
    "how": "dagster",
    **_DAYS,
    "asked_at": "2026-06-12T13:20:00Z",
    "ended_at": None,
    "runs": [{"run_id": _RUN, **_DAYS, "state": "queued", "url": f"http://127.0.0.1:3000/runs/{_RUN}"}],
    "not_remade": [],
    "errors": [],
    "kept": [],
    "left_out": [],
}
_DONE = {
    **_REQUEST,
    "state": "done",
    "runs": [{**run, "state": "done"} for run in _REQUEST["runs"]],
    "ended_at": "2026-06-12T13:20:09Z",
}
_CHANGE: dict[str, Any] = {
    "day": "2026-06-11",
    "source": "openai_costs",
    "account": "default",
    "provider": "openai",
    "model": "gpt-4o",
    "was_usd": "7.00",
    "is_usd": "7.25",
}
_NOT_REMADE = "a line for each answer whose rows were kept as they are, and why"


class DaysMade(Exact):
    """Days, both ends included; UTC."""

    first: date = Field(alias="from", description="first day, UTC")
    last: date = Field(alias="to", description="last day, included")


class RunBody(DaysMade):
    """One run of Dagster's, of a month at most."""

    run_id: str | None = Field(description="Dagster's; null before it is known")
    state: Progress = Field(description="how far it is")
    url: str | None = Field(description="its page in Dagster's UI; null where that may not run")


class LeftOut(DaysMade):
    """Days that cannot be made again."""

    why: str = Field(description="for people")


class RequestBody(DaysMade):
    """A request to make days again, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REQUEST, _DONE]})

    run_id: str = Field(description="of the request; each run has its own")
    status_url: str = Field(description="where to follow it, on this service")
    state: Progress = Field(
        description="of all runs together; `partial` is done, but for answers whose rows were kept: `not_remade`"
    )
    how: How = Field(description="in the queue of Dagster's daemon, or without one in a process of the service")
    asked_at: datetime = Field(description="when it was asked")
    ended_at: datetime | None = Field(description="when it was first seen to be over; null while it is open")
    runs: list[RunBody] = Field(description="a month at most each, in order; each is visible whole or not at all")
    not_remade: list[str] = Field(description=_NOT_REMADE)
    errors: list[str] = Field(description="a line for each run that failed; its days are as they were")
    kept: list[str] = Field(description="feeds that keep the rows of some of the days, since their pages have expired")
    left_out: list[LeftOut] = Field(description="where no days were asked for: those of the default that have no pages")


class ChangeBody(Exact):
    """A sum of a day, source, account and model that would be another one."""

    day: date = Field(description="UTC")
    source: Source = Field(description="the feed whose rows would be others")
    account: str = Field(description="the name under which its key is set")
    provider: Provider = Field(description="whose bill it is")
    model: str | None = Field(description="as the bill names it; null if it names none")
    was_usd: Usd = Field(description="billed, as it is now")
    is_usd: Usd = Field(description="billed, as it would be")


class DifferencesBody(DaysMade):
    """What would change, as nothing did."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_DAYS, "changes": [_CHANGE], "not_remade": []}]})

    changes: list[ChangeBody] = Field(description="each sum that would be another; none if all stay as they are")
    not_remade: list[str] = Field(description=_NOT_REMADE)
