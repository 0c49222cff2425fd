"""Caps where budgets are all that is read of Google: what the figure is, and when it cannot be relied on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.alerts.details import details
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.budgets.kept import Kept, Spent, month_to_date
from aispend_pipeline.budgets.model import BudgetScope
from aispend_pipeline.caps.measure import measure, movers
from aispend_pipeline.caps.model import Caps, Measurement, Period, Scope
from aispend_pipeline.caps.outlook import outlook
from aispend_pipeline.caps.stand_in import STALE_AFTER, StandIn, stand_in
from aispend_pipeline.cli import caps
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import fetches
from aispend_pipeline_tests.warehouse.building import complete, line

from .conftest import NOW, World
from .samples import BILLING_ACCOUNT, notification

NOVEMBER, OCTOBER = (Period.of(date(2026, month, 1)) for month in (11, 10))
SUBJECT = f"vertex {BILLING_ACCOUNT}: budget, Pacific month"


def spent(amount: str, currency: str = "USD", month: int = 11, at: datetime = NOW, seq: int = 1) -> Spent:
    start = datetime(2026, month, 1, 7, tzinfo=UTC)
    return Spent(start, Decimal(amount), currency, None, at, seq)


def budget(*figures: Spent, **more: object) -> Kept:
    made = Kept("default", BILLING_ACCOUNT, "b", "cap", period="MONTH", scope=BudgetScope.AI_ONLY, figures=figures)
    return replace(made, **more)


def stood(known: Sequence[Kept], period: Period = NOVEMBER, now: datetime = NOW) -> StandIn:
    return stand_in("vertex", known, period, now)


def test_the_figure_of_the_month_counts():
    found = stood([budget(spent("12.5", seq=7), spent("99", month=10))])
    assert (found.total, found.holes, found.stale, found.read_seq) == (Decimal("12.5"), (), (), 7)
    assert found.basis == {"vertex": "budget, Pacific month"}
    assert found.data_through == {"vertex": NOW}
    assert stood([budget(spent("12.5"), spent("99", month=10))], OCTOBER).total == 99


def test_billing_accounts_add_up_and_budgets_of_one_do_not():
    of_all, of_one = budget(spent("30")), budget(spent("20"), budget_id="c")
    other = budget(spent("5"), billing_account="01EEEE-FFFFFF-000001")
    for known in ([of_all, of_one, other], [other, of_one, of_all]):
        assert stood(known).total == 35


@pytest.mark.parametrize(
    "changes",
    [{"period": "QUARTER"}, {"scope": BudgetScope.MIXED}, {"scope": BudgetScope.ALL_SERVICES}, {"gone": True}],
)
def test_only_a_monthly_budget_of_ai_alone_stands_in(changes):
    known = [budget(spent("12.5"), **changes)]
    assert month_to_date(known, "2026-11") == []
    [hole] = stood(known).holes
    assert hole == "vertex: no monthly budget of AI services alone is known; set GCP_BUDGET_NAME to one"


def test_before_the_first_notification_nothing_can_be_told():
    found = stood([budget()])
    assert (found.total, found.holes) == (0, (f"{SUBJECT}: no budget notification yet",))


@pytest.mark.parametrize(
    ("now", "holes"),
    [
        (datetime(2026, 11, 1, 0, 5, tzinfo=UTC), ()),
        (datetime(2026, 11, 2, 9, 59, tzinfo=UTC), ()),
        (datetime(2026, 11, 2, 10, 0, tzinfo=UTC), (f"{SUBJECT}: no budget notification yet",)),
    ],
)
def test_a_month_that_has_just_begun_need_not_have_been_told_of(now, holes):
    assert stood([budget(spent("99", month=10))], now=now).holes == holes
    assert stood([budget()], now=now).holes == (f"{SUBJECT}: no budget notification yet",)


def test_another_currency_cannot_be_held_against_a_cap():
    found = stood([budget(spent("77.001", "EUR"))])
    assert (found.total, found.read_seq, found.data_through) == (0, 0, {})
    assert found.holes == (f"{SUBJECT}: 77.001 EUR cannot be held against a cap in USD",)


@pytest.mark.parametrize(("later", "is_stale"), [(STALE_AFTER, False), (STALE_AFTER + timedelta(seconds=1), True)])
def test_a_figure_of_more_than_26_hours_ago_is_stale(later, is_stale):
    found = stood([budget(spent("12.5"))], now=NOW + later)
    assert found.stale == ((f"{SUBJECT}: last notified 2026-11-18 13:10 UTC, 26 hours ago",) if is_stale else ())
    assert found.holes == ()


def test_of_a_month_that_is_over_no_news_are_waited_for():
    assert stood([budget(spent("99", month=10))], OCTOBER).stale == ()


def measured(world: World, scope: Scope, **more: str) -> Measurement:
    return measure(world.settings(**more), [scope], [NOVEMBER], world.clock.now())[0]


VERTEX, GLOBAL = Scope("vertex", ("vertex",), Caps()), Scope("global", ("openai", "vertex"), Caps())


def test_where_budgets_are_all_there_is_the_caps_measure_with_them(read_world):
    found = measured(read_world, VERTEX)

    assert (found.total, found.holes, found.doubts, found.stale) == (Decimal("533.77"), (), (), False)
    assert found.basis == {"vertex": "budget, Pacific month"}
    assert (found.billed_through, found.read_seq > 0) == ({"vertex": None}, True)
    assert movers(read_world.home, VERTEX, NOVEMBER, NOW) == []


def test_the_figure_of_a_budget_is_added_to_the_bills_of_others(read_world):
    days = {date(2026, 11, day): [line("1.00")] for day in range(1, 18)}
    with read_world.warehouse.write() as transaction:
        fetches.store(transaction, complete(days, at=NOW))
        fetches.store(transaction, complete({NOW.date(): [line("1.00")]}, at=NOW))
    add_up(read_world.warehouse, NOVEMBER.window, read_world.clock)

    found = measured(read_world, GLOBAL, OPENAI_API_KEY="sk-admin-1")

    assert (found.total, found.holes, found.basis) == (Decimal("551.77"), (), {"vertex": "budget, Pacific month"})
    scopes = [GLOBAL, VERTEX, Scope("openai", ("openai",), Caps())]
    forecasts = outlook(read_world.settings(OPENAI_API_KEY="sk-admin-1"), scopes, NOVEMBER, NOW)
    assert [*forecasts] == ["openai"]  # what a budget says has no days


def test_an_old_bill_of_googles_is_not_added_to_the_budget(read_world):
    with read_world.warehouse.write(publish=True) as transaction:
        transaction.execute(
            'INSERT INTO spend_daily (day, account, provider, billed_usd, "rows")'
            " VALUES ('2026-11-02', 'default', 'vertex', 10, 1)"
        )
    assert measured(read_world, VERTEX).total == Decimal("533.77")


def test_where_the_bill_is_read_too_the_budget_is_only_context(read_world):
    table = {"GCP_BQ_PROJECT": "finops", "GCP_BQ_DATASET": "billing", "GCP_BQ_TABLE": "export"}
    found = measured(read_world, VERTEX, **table)
    assert (found.total, found.basis) == (0, {})
    assert found.holes == ("vertex default: was never read completely; run: aispend ingest",)


def test_an_account_with_budgets_alone_beside_one_with_a_bill_is_a_hole(read_world):
    table = {"GCP_BQ_PROJECT": "finops", "GCP_BQ_DATASET": "billing", "GCP_BQ_TABLE": "export"}
    found = measured(
        read_world,
        VERTEX,
        GCP_BILLING_ACCOUNT_ID__EU="01EEEE-FFFFFF-000001",
        ENABLE_VERTEX_BILLING_API="1",
        ENABLE_VERTEX_BQ="1",
        **table,
    )
    assert "vertex: of one account only budgets are read; set GCP_BQ_TABLE__EU, or remove them" in found.holes


def test_budgets_of_an_account_that_was_removed_do_not_count(read_world):
    gone = {"GCP_BILLING_ACCOUNT_ID": "", "GCP_PUBSUB_SUBSCRIPTION": "", "GCP_BILLING_ACCOUNT_ID__EU": BILLING_ACCOUNT}
    assert measured(read_world, VERTEX, **gone).total == 0


def test_the_message_and_the_command_say_what_the_figure_is(read_world, capsys):
    settings = read_world.settings(VERTEX_SOFT_CAP="500", VERTEX_HARD_CAP="1000")

    [event] = notify(settings, read_world.clock).events
    assert (event.facts["total_usd"], event.facts["complete"]) == ("533.77", True)
    assert event.facts["basis"] == {"vertex": "budget, Pacific month"}
    assert "not billed: vertex: budget, Pacific month" in details(event)
    assert not any("billed through" in line for line in details(event))

    assert caps.show(settings, NOW) == 0
    said = capsys.readouterr().out
    assert "533.77" in said
    assert "not billed: vertex: budget, Pacific month" in said


def test_before_the_first_notification_a_cap_is_unknown(world, capsys):
    world.google.waiting = []
    world.read()
    assert caps.show(world.settings(VERTEX_HARD_CAP="1000"), NOW) == 1
    said = capsys.readouterr().out
    assert "not read" in said
    assert f"unknown: {SUBJECT}: no budget notification yet" in said


def test_a_budget_that_is_told_of_again_lower_is_believed(read_world):
    read_world.google.waiting = [notification(message="m9", publishTime="2026-11-18T14:00:00Z", costAmount=500)]
    read_world.read()
    assert measured(read_world, VERTEX).total == 500
