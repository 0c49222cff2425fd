"""How good estimates were: of each model, what was billed over what was estimated before, where the two compare."""

import shutil
from datetime import timedelta
from decimal import Decimal

import dagster as dg
import pytest

from aispend_pipeline.assets.checks import estimates_are_near_the_bill
from aispend_pipeline.assets.installation import Installation, SnapshotResource
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.drift import RECENT_DAYS, Drift, drift

from .books import completions, searches, used
from .building import DAY, SetClock, complete, line, store

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
ALL = Window(DAY, THIRD)
# A million tokens of input at 2.50.
USE = completions("gpt-4o", 10**6, 0)


def held(warehouse, window: Window = ALL, **more: bool) -> list[Drift]:
    with Snapshots(warehouse.home).current()[1] as cursor:
        return drift(cursor, window, **more)


def compared(found: list[Drift]) -> list[tuple[object, ...]]:
    return [(one.account, one.model, one.day, one.settled, one.ratio, one.apart) for one in found]


@pytest.fixture(scope="module")
def booked(tmp_path_factory, empty_store) -> Warehouse:
    """A bill of two days that is 12 % below list, and of the second one only after it was estimated; and one above."""
    home = tmp_path_factory.mktemp("drift") / "home"
    shutil.copytree(empty_store, home)
    warehouse = Warehouse(home, SetClock())
    store(
        warehouse,
        *[
            complete({DAY: [line("2.20")]}),
            used({DAY: [USE], NEXT: [USE], THIRD: [USE]}),
            complete({DAY: [line("5")]}, account="eu"),
            used({DAY: [USE]}, account="eu"),
        ],
    )
    add_up(warehouse, ALL, SetClock())
    store(warehouse, complete({NEXT: [line("2.31")]}, at=midnight(THIRD) + timedelta(hours=9)))
    add_up(warehouse, ALL, SetClock())
    return warehouse


def test_billed_is_held_against_what_was_estimated_before_the_bill_came(booked):
    assert compared(held(booked)) == [
        ("default", "gpt-4o", DAY, True, Decimal("0.88"), True),
        ("default", "gpt-4o", NEXT, False, Decimal("1.05"), False),
        ("eu", "gpt-4o", DAY, True, Decimal(2), True),
    ]
    of_next = held(booked)[1]
    assert (of_next.billed_usd, of_next.list_usd, of_next.estimated_usd) == tuple(map(Decimal, ("2.31", "2.5", "2.2")))
    assert [one.calibration for one in held(booked)] == [Decimal("0.88"), Decimal("0.88"), 1]
    assert str(of_next) == ("openai default 2026-05-05 gpt-4o: billed 2.31 USD, estimated 2.20 USD, a ratio of 1.0500")


def test_the_newest_day_alone_and_the_window(booked):
    assert [one.day for one in held(booked, newest_only=True)] == [NEXT, DAY]
    assert [one.day for one in held(booked, Window(DAY, DAY), newest_only=True)] == [DAY, DAY]
    assert held(booked, Window(THIRD, THIRD)) == []


def test_calibration_is_that_of_new_estimates_also_where_the_two_books_name_a_model_differently(warehouse, clock):
    dated = completions("gpt-4o-2024-08-06", 10**6, 0)
    store(warehouse, complete({DAY: [line("2.20")]}), used({DAY: [dated], NEXT: [dated]}))
    add_up(warehouse, ALL, clock)

    assert [(one.model, one.ratio, one.calibration) for one in held(warehouse)] == [
        ("gpt-4o", Decimal("0.88"), Decimal("0.88"))
    ]


def test_days_that_say_nothing_of_the_estimates_are_not_compared(warehouse, clock):
    """Every case is an account of its own."""
    scale = completions("gpt-4o", 5, 0, service_tier="scale")
    cases = {
        "no bill": ([USE], None, {}),
        "the bill grows": ([USE], [line("2.5")], {"at": midnight(DAY) + timedelta(hours=9)}),
        "some could not be read": ([USE], [line("2.5"), line("oops")], {"faulty": [DAY]}),
        "some has no price": ([USE, scale], [line("2.5")], {}),
        "nothing has a price": ([completions("gpt-99", 5, 5)], [line("2.5", "gpt-99")], {}),
        "not on the bill": ([USE], [line("2.5", "o3")], {}),
        "not used": ([], [line("2.5")], {}),
        "no model": ([searches("gpt-4o", 5, 1)], [line("0.05", None)], {}),
        "compared": ([USE], [line("2.5")], {}),
    }
    store(warehouse, *(used({DAY: uses}, account=account) for account, (uses, _, _) in cases.items()))
    bills = {account: (bill, more) for account, (_, bill, more) in cases.items() if bill is not None}
    store(warehouse, *(complete({DAY: bill}, account=of, **more) for of, (bill, more) in bills.items()))
    add_up(warehouse, ALL, clock)

    assert compared(held(warehouse)) == [("compared", "gpt-4o", DAY, True, Decimal(1), False)]


@pytest.mark.parametrize(
    ("billed", "apart"), [("2.625", False), ("2.6255", True), ("2.375", False), ("2.3745", True), ("0", True)]
)
def test_two_figures_are_apart_by_more_than_five_percent(billed, apart):
    usd = Decimal(billed), Decimal("2.5"), Decimal("2.5")
    assert Drift("openai", "default", "gpt-4o", DAY, True, *usd, calibration=Decimal(1)).apart == apart


def looked_at(warehouse, clock) -> dg.AssetCheckResult:
    settings = Settings.load({"AISPEND_HOME": str(warehouse.home), "OPENAI_API_KEY": "sk-admin-drift"}, None)
    snapshot = SnapshotResource(database=str(warehouse.home))
    return estimates_are_near_the_bill(snapshot=snapshot, installation=Installation(settings, clock))


def test_the_check_names_the_models_whose_newest_bill_is_apart(booked, clock):
    found = looked_at(booked, clock)

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["count"].value == 1
    ratios = [found.metadata[f"openai {account} gpt-4o"].value for account in ("default", "eu")]
    assert ratios == [pytest.approx(1.05), pytest.approx(2)]
    assert found.metadata["found"].value == [
        "openai eu 2026-05-04 gpt-4o: billed 5.00 USD, estimated 2.50 USD, a ratio of 2.0000"
    ]


def test_the_check_looks_at_recent_bills_alone(booked):
    until = midnight(DAY + timedelta(days=RECENT_DAYS))
    for days, found in enumerate([["openai default gpt-4o", "openai eu gpt-4o"], ["openai default gpt-4o"], []]):
        result = looked_at(booked, SetClock(until + timedelta(days=days)))
        assert [name for name in result.metadata if name.startswith("openai")] == found
        assert result.passed == (days > 0)
