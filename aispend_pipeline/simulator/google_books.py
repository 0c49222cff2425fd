"""What the simulated organisation is billed at Google: the rows of its billing exports, and what they come to.

Rows are exported in batches, hours after the usage, so that the running day is only partly there and yesterday grows
until noon. What is corrected, restated or late comes as rows of its own, as Google's does: a table only grows.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import google_meters as run
from aispend_pipeline.simulator.google_lines import PACIFIC, BillingAccount, Line, lines_of, native
from aispend_pipeline.simulator.google_meters import Meter, Project
from aispend_pipeline.simulator.scenario import CALM, Restated, Scenario

PROVIDER = "vertex"
BEGINS = date(2026, 1, 1)  # the first day of usage that the exports hold
LATEST = timedelta(days=8)  # no row comes later after its usage, unless a scenario holds it back

_TAX = ((run.TAX, "tax"), (run.ROUNDING, "rounding_error"))
_OURS = BillingAccount(
    "default",
    "01A1B2-C3D4E5-F60718",
    "USD",
    (
        Project("assistant-prod", "310000000001", "Assistant", run.ASSISTANT),
        Project("nightly-jobs", "310000000002", "Nightly jobs", run.NIGHTLY, weekend=0.9),
        Project("ai-studio", "310000000003", "AI Studio", run.STUDIO, weekend=0.5),
        Project("code-tools", "310000000004", "Code tools", run.CODE, weekend=0.1, growth=1.03),
    ),
    ((run.THROUGHPUT, "regular"), *_TAX),
)
_THEIRS = BillingAccount(
    "eu",
    "01E0E0-A5A5A5-000001",
    "USD",
    (Project("support-eu", "320000000001", "Support", run.SUPPORT, weekend=0.6),),
    _TAX,
)
# A customer of ours, whose account is in our table: the export of a reseller's parent account has both.
_CUSTOMERS = BillingAccount(
    "0155AA-2B7C91-000042",
    "0155AA-2B7C91-000042",
    "EUR",
    (Project("customer-web", "330000000001", "Customer's web", run.CUSTOMER),),
)
# By configured account, whose rows its table has; and every account that is billed, by what it is called here.
EXPORTS: dict[str, tuple[BillingAccount, ...]] = {"default": (_OURS, _CUSTOMERS), "eu": (_THEIRS,)}
BILLED = {one.account: one for accounts in EXPORTS.values() for one in accounts}


def net(account: str, day: date, now: datetime, scenario: Scenario = CALM) -> Decimal:
    """What `account` is billed for AI on `day`, USD, as far as it has been exported at `now`."""
    return money.add(line.usd for line in lines(account, day, now, scenario) if line.meter.counts)


def lines(account: str, day: date, now: datetime, scenario: Scenario = CALM) -> list[Line]:
    """The rows of usage of `day` that have been exported at `now`; none before `BEGINS`."""
    billed = BILLED[account]
    found = lines_of(billed, day) if day >= BEGINS else ()
    found = (*found, *_restated(billed, day, found, scenario))
    for late in scenario.late:
        if late.day == day and late.where.holds(PROVIDER, account):
            found = _held(found, midnight(day) + late.shown, late.until)
    return [line for line in found if line.export_time <= now]


def _held(found: tuple[Line, ...], known: datetime, until: datetime) -> tuple[Line, ...]:
    """The rows, those of usage from `known` on not exported before `until`."""
    return tuple(
        line if line.start < known else line._replace(export_time=max(line.export_time, until)) for line in found
    )


def _restated(billed: BillingAccount, day: date, found: tuple[Line, ...], scenario: Scenario) -> Iterator[Line]:
    """What restates those of the `found` rows that are exported by then: a row for each, of the difference."""
    for one in scenario.restated:
        if one.day == day and one.where.holds(PROVIDER, billed.account):
            yield from (_difference(line, one) for line in found if line.export_time <= one.since)


def _difference(line: Line, restated: Restated) -> Line:
    return line._replace(
        export_time=restated.since,
        quantity=Decimal(0),
        cost=native((line.cost + line.given) / line.rate * (restated.factor - 1), line.rate),
        credits=(),
        correction=("adj-restated", "Price correction", "PARTIAL_CORRECTION", "PRICE_CORRECTION"),
    )


def exported(account: str, since: datetime | None, now: datetime, scenario: Scenario = CALM) -> list[Line]:
    """The rows of the table of `account`, a configured one: all that were exported from `since` on, and some older."""
    first = BEGINS
    if since is not None:
        unusual = [*(late.day for late in scenario.late), *(one.day for one in scenario.restated)]
        first = max(BEGINS, min([(since - LATEST).date(), *unusual]))
    return _between(account, first, max(first, now.date()), now, scenario)


def export_rows(
    account: str, first: date, last: date, now: datetime, scenario: Scenario = CALM
) -> list[dict[str, Any]]:
    """The rows of the table of `account` of usage from `first` to `last`, as the export has them."""
    return [row(line) for line in _between(account, first, last, now, scenario)]


def _between(account: str, first: date, last: date, now: datetime, scenario: Scenario) -> list[Line]:
    return [
        line
        for billed in EXPORTS[account]
        for day in Window(first, last).days()
        for line in lines(billed.account, day, now, scenario)
    ]


def row(line: Line) -> dict[str, Any]:
    """A row of the detailed export, amounts as exact decimals; columns that no query of ours reads are left out.

    Columns: https://docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/detailed-usage .
    """
    service, own = line.meter.service, line.cost_type == "regular"
    partner = service.seller is not None
    return {
        "billing_account_id": line.billing_account,
        "service": {"id": service.service_id, "description": service.description},
        "sku": {"id": line.meter.sku_id, "description": line.meter.sku},
        "usage_start_time": utc_text(line.start),
        "usage_end_time": utc_text(line.end),
        "project": _project(line.project),
        "labels": _labels(line.meter),
        "system_labels": [],
        "location": _location(line.meter.location),
        "tags": [],
        "transaction_type": ("THIRD_PARTY_RESELLER" if partner else "GOOGLE") if own else None,
        "seller_name": service.seller if own else None,
        "export_time": utc_text(line.export_time),
        "cost": line.cost,
        "currency": line.currency,
        "currency_conversion_rate": line.rate,
        "usage": {"amount": line.quantity, "unit": line.meter.unit},
        "credits": [
            {
                "name": given.name,
                "amount": given.amount,
                "full_name": given.name,
                "id": given.credit_id,
                "type": given.kind,
            }
            for given in line.credits
        ],
        "invoice": {
            "month": f"{line.start.astimezone(PACIFIC):%Y%m}",
            "publisher_type": "PARTNER" if partner else "GOOGLE",
        },
        "cost_type": line.cost_type,
        "adjustment_info": _adjustment(line.correction),
    }


def _project(project: Project | None) -> dict[str, Any] | None:
    if project is None:
        return None
    return {"id": project.project_id, "number": project.number, "name": project.name, "labels": [], "ancestors": []}


def _labels(meter: Meter) -> list[dict[str, str]]:
    if meter.model_label is None:
        return []
    labels = {"goog-cloud-wallet": "ais", "goog-generativelanguage-model": meter.model_label}
    return [{"key": key, "value": value} for key, value in labels.items()]


def _location(location: str | None) -> dict[str, str | None] | None:
    if location is None:
        return None
    country = "US" if location.startswith("us-") else None
    return {"location": location, "country": country, "region": None if location == "global" else location}


def _adjustment(correction: tuple[str, str, str, str] | None) -> dict[str, str] | None:
    return None if correction is None else dict(zip(("id", "description", "mode", "type"), correction, strict=True))
