"""A fake OpenAI: costs, usage and lists as documented, errors included, for one organisation a key."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware

from aispend_pipeline.clock import Clock
from aispend_pipeline.simulator import openai_lists, openai_usage
from aispend_pipeline.simulator.buckets import Bucket
from aispend_pipeline.simulator.openai_answers import COSTS_LIMITS, Asked, Desk, nowhere
from aispend_pipeline.simulator.openai_books import Line, lines
from aispend_pipeline.simulator.scenario import CALM, Scenario
from aispend_pipeline.simulator.troubles import under

_KNOWN = {"start_time", "end_time", "bucket_width", "limit", "page", "group_by", "project_ids", "api_key_ids"}
_GROUPS = ("project_id", "line_item", "api_key_id")


def openai(
    keys: Mapping[str, str],
    clock: Clock,
    *,
    buckets_a_page: int | None = None,
    scenario: Scenario = CALM,
    denied: Collection[str] = (),
) -> Starlette:
    """The application. `keys` are admin keys with the account of each; those `denied` miss the scope to read usage.

    Pages hold as many buckets as are asked for, or `buckets_a_page` if that is less. What goes wrong is
    in `scenario`. Account `default` writes amounts as numbers and the others as text: both are seen in
    real answers.
    """
    desk = Desk(keys, clock, scenario, buckets_a_page, denied)
    routes = [
        desk.route("/v1/organization/costs", _costs),
        desk.route("/v1/organization/usage/{feed}", openai_usage.usage),
        desk.route("/v1/organization/projects", openai_lists.projects),
        desk.route("/v1/organization/projects/{project_id}/api_keys", openai_lists.api_keys),
        desk.route("/v1/organization/users", openai_lists.users),
        desk.route("/{path:path}", nowhere),
    ]
    return Starlette(routes=routes, middleware=[Middleware(under, scenario, keys=keys, clock=clock)])


def _costs(asked: Asked) -> dict[str, Any]:
    asked.only(_KNOWN)
    groups = asked.groups(_GROUPS)
    projects, keys = set(asked.several("project_ids")), set(asked.several("api_key_ids"))

    def results(bucket: Bucket) -> list[dict[str, Any]]:
        billed = [
            line
            for line in lines(asked.account, bucket.start.date(), asked.now, asked.scenario)
            if (not projects or line.project_id in projects) and (not keys or line.api_key_id in keys)
        ]
        return _grouped(asked.account, billed, groups)

    return asked.page(COSTS_LIMITS, results)


def _grouped(account: str, billed: list[Line], groups: list[str]) -> list[dict[str, Any]]:
    sums: dict[tuple[Any, ...], list[Line]] = {}
    for line in billed:
        sums.setdefault(tuple(getattr(line, group) for group in groups), []).append(line)
    return [_result(account, dict(zip(groups, key, strict=True)), of_key) for key, of_key in sums.items()]


def _result(account: str, key: dict[str, str | None], of_key: list[Line]) -> dict[str, Any]:
    amount = f"{sum((line.amount for line in of_key), Decimal(0)):f}"
    by_item = "line_item" in key and all(line.quantity is not None for line in of_key)
    quantity = sum((line.quantity or Decimal(0) for line in of_key), Decimal(0)) if by_item else None
    return {
        "object": "organization.costs.result",
        "amount": {"value": msgspec.Raw(amount.encode()) if account == "default" else amount, "currency": "usd"},
        "line_item": key.get("line_item"),
        "project_id": key.get("project_id"),
        "api_key_id": key.get("api_key_id"),
        "quantity": None if quantity is None else float(quantity),
        "quantity_unit": of_key[0].unit if by_item else None,
    }
