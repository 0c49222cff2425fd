"""A fake Anthropic: costs, usage and lists as documented, errors included, for one organisation a key."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from aispend_pipeline.clock import Clock
from aispend_pipeline.model import midnight
from aispend_pipeline.simulator import anthropic_lists, anthropic_usage
from aispend_pipeline.simulator.anthropic_answers import COST_LIMITS, Asked, Desk, Quota, invalid, nowhere
from aispend_pipeline.simulator.anthropic_books import Line, lines, running_day
from aispend_pipeline.simulator.buckets import Bucket
from aispend_pipeline.simulator.scenario import CALM, Scenario
from aispend_pipeline.simulator.troubles import under

_KNOWN = {"starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]"}
_DESCRIBED = (
    "description",
    "cost_type",
    "context_window",
    "model",
    "service_tier",
    "token_type",
    "inference_geo",
)
_GROUPS = {"description": _DESCRIBED, "workspace_id": ("workspace_id",)}


def anthropic(
    keys: Mapping[str, str],
    clock: Clock,
    *,
    buckets_a_page: int | None = None,
    calls_per_hour: int | None = None,
    scenario: Scenario = CALM,
    denied: Collection[str] = (),
) -> Starlette:
    """The application. `keys` are Admin API keys with the account of each; those `denied` are not allowed anything.

    Pages hold as many buckets as are asked for, or `buckets_a_page` if that is less. An account that makes
    more than `calls_per_hour` calls in any hour is refused. What else goes wrong is in `scenario`.
    """
    quota = None if calls_per_hour is None else Quota(calls_per_hour)
    desk = Desk(keys, clock, scenario, buckets_a_page, denied, quota)
    routes = [
        desk.route("/v1/organizations/cost_report", _costs),
        desk.route("/v1/organizations/usage_report/messages", anthropic_usage.usage),
        desk.route("/v1/organizations/me", anthropic_lists.me),
        desk.route("/v1/organizations/workspaces", anthropic_lists.workspaces),
        desk.route("/v1/organizations/api_keys", anthropic_lists.api_keys),
        desk.route("/v1/organizations/users", anthropic_lists.users),
        desk.route("/{path:path}", nowhere),
    ]
    return Starlette(routes=routes, middleware=[Middleware(under, scenario, keys=keys, clock=clock)])


def _costs(asked: Asked) -> dict[str, Any]:
    asked.only(_KNOWN)
    groups = asked.params.getlist("group_by[]")
    for group in groups:
        if group not in _GROUPS:
            options = ", ".join(f'"{name}"' for name in _GROUPS)
            raise invalid(f'group_by: Invalid group_by[]: "{group}". Valid options are {options}')
    told = [field for group in _GROUPS if group in groups for field in _GROUPS[group]]

    def results(bucket: Bucket) -> list[dict[str, Any]] | None:
        billed = lines(asked.account, bucket.start.date(), asked.now, asked.scenario)
        return None if billed is None else _grouped(billed, told)

    return asked.page(COST_LIMITS, results, until=midnight(running_day(asked.account, asked.now, asked.scenario)))


def _grouped(billed: list[Line], told: list[str]) -> list[dict[str, Any]]:
    sums: dict[tuple[Any, ...], Decimal] = {}
    for line in billed:
        key = tuple(getattr(line, field) for field in told)
        sums[key] = sums.get(key, Decimal(0)) + line.cents
    nothing = dict.fromkeys(("workspace_id", *_DESCRIBED))
    return [
        {"currency": "USD", "amount": f"{cents:f}", **nothing, **dict(zip(told, key, strict=True))}
        for key, cents in sums.items()
    ]
