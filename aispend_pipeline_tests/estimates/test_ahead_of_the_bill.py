"""On the running day every provider that reports usage shows its spend, and nothing is counted twice at any hour."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.caps.model import EventType
from aispend_pipeline.model import Window
from aispend_pipeline.service.status import status
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import organisation

from .world import ACCOUNTS, FIRST, LATE, NOON, World, copied, world

TODAY = NOON.date()
BEFORE = Window(FIRST, TODAY - timedelta(days=1))
# How far an estimate may be off at noon, as a share: a free allowance is used up in the morning, and learnt of days.
NEAR = {account: Decimal("0.06") for account in ACCOUNTS} | {("openai", "eu"): Decimal("0.12")}


@pytest.fixture(scope="module")
def noon(tmp_path_factory):
    """At noon of a day, after a week that was read whole."""
    with world(tmp_path_factory.mktemp("ahead") / "home") as made:
        made.read(datetime(2026, 11, 8, 23, 30, tzinfo=UTC), days=7)
        made.read(NOON)
        yield made


def by_model(made: World, provider: str, account: str, day: date, column: str) -> dict[str, Decimal]:
    found = made.rows(
        f"SELECT model, {column} FROM estimate_daily WHERE provider = ? AND account = ? AND day = ?"
        " AND model IS NOT NULL AND list_usd > 0",
        provider,
        account,
        day,
    )
    return dict(found)


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
def test_every_model_is_priced_as_the_provider_lists_it(noon, provider, account):
    """To the last digit where a request's context and place are told, which no usage does at OpenAI."""
    priced = by_model(noon, provider, account, TODAY, "list_usd")
    expected = noon.used(provider, account, TODAY, at_list=True)

    assert set(priced) == set(expected)
    long_or_far = {"gpt-5.6-sol", "claude-opus-5-5"}  # priority output of long context; inference in the US
    for model in set(priced) - long_or_far:
        assert priced[model] == expected[model], model
    for model in set(priced) & long_or_far:
        assert Decimal("0.85") < priced[model] / expected[model] <= 1, model


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
def test_estimates_have_learnt_what_the_provider_bills(noon, provider, account):
    """A discount, a free allowance, and what the usage does not tell: all of it is in the ratio of the days before."""
    estimated = by_model(noon, provider, account, TODAY, "estimated_usd")
    for model, usd in noon.used(provider, account, TODAY).items():
        assert abs(estimated[model] / usd - 1) < NEAR[provider, account], (model, estimated[model], usd)


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
def test_by_noon_the_running_day_is_there_though_the_bill_is_not(noon, provider, account):
    [row] = [row for row in noon.answer(("provider",), account=account).rows if row.keys["provider"] == provider]
    shown = (row.usd or Decimal(0)) + (row.estimated_usd or Decimal(0))
    used = organisation.used_usd(provider, account, TODAY, NOON)

    assert (row.usd is None) == (provider == "anthropic")
    assert row.estimated_usd > used / 10
    assert abs(shown / used - 1) < NEAR[provider, account]


def test_a_cap_crossed_at_noon_is_told_at_noon_and_says_how_much_of_it_is_estimated(noon, tmp_path):
    """The bill alone would have told it a day later."""
    so_far = money.add(
        (row.usd or Decimal(0)) + (row.estimated_usd or Decimal(0))
        for row in noon.answer(("provider",), Window(TODAY.replace(day=1), TODAY)).rows
        if row.keys["provider"] == "anthropic"
    )
    billed = noon.answer(("provider",), BEFORE)
    assert so_far > money.add(row.usd for row in billed.rows if row.keys["provider"] == "anthropic")
    home = copied(noon.settings.home, tmp_path / "home")
    keys = {"ANTHROPIC_API_KEY": "sk-ant-admin01-x", "ANTHROPIC_API_KEY__EU": "sk-ant-admin01-y"}
    made = {"AISPEND_HOME": str(home), **keys}

    def told(cap: str, **more: str) -> list:
        settings = Settings.load({**made, "ANTHROPIC_HARD_CAP": cap, **more}, None)
        return [event for event in notify(settings, noon.clock).events if event.type.startswith(("cap", "hard"))]

    assert told(f"{so_far + 1:.2f}") == []
    cap = f"{so_far - 1:.2f}"
    assert told(cap, AISPEND_HARD_CAPS_ON_ESTIMATES="false") == []
    [shown, *_] = status(Settings.load({**made, "ANTHROPIC_HARD_CAP": cap}, None), noon.clock.now())["caps"]
    assert (shown["scope"], shown["hard_on_estimates"]) == ("anthropic", False)
    breached, triggered = told(cap)

    assert (breached.type, triggered.type) == (EventType.BREACHED, EventType.TRIGGERED)
    assert Decimal(breached.facts["total_usd"]) == so_far
    estimated = money.add(noon.used("anthropic", account, TODAY)[model] for account, model in _models(noon))
    assert abs(Decimal(breached.facts["estimated_usd"]) / estimated - 1) < Decimal("0.06")


def _models(made: World) -> list[tuple[str, str]]:
    return [(account, model) for account in ("default", "eu") for model in made.used("anthropic", account, TODAY)]


@pytest.mark.long
def test_after_the_bill_the_number_that_was_seen_is_explained_to_the_cent(noon, tmp_path):
    seen = by_model(noon, "anthropic", "default", TODAY, "estimated_usd")
    assert seen == by_model(noon, "anthropic", "default", TODAY, "counted_usd")
    home = copied(noon.settings.home, tmp_path / "home")
    with world(home) as later:
        later.read(datetime(2026, 11, 11, 6, tzinfo=UTC))
        bills = later.used("anthropic", "default", TODAY)
        found = later.rows(
            "SELECT model, billed_usd, estimated_usd, list_usd * ratio, counted_usd FROM estimate_daily"
            " WHERE provider = 'anthropic' AND account = 'default' AND day = ? AND model IS NOT NULL",
            TODAY,
        )
        assert {model: billed for model, billed, *_ in found} == bills
        for model, billed, estimated, at_ratio, counted in found:
            assert counted == 0
            assert abs(estimated - at_ratio) < Decimal("0.01")
            assert abs(billed / estimated - 1) < Decimal("0.06"), model
        # Every row of the estimate leads to the page that it was priced from.
        assert later.rows(
            "SELECT count(*) FROM estimate LEFT JOIN page USING (page_id, fetch_id)"
            " WHERE estimate.day = ? AND page.page_id IS NULL",
            TODAY,
        ) == [(0,)]


@pytest.mark.long
@examples(max_examples=6, deadline=None, database=None)
@given(minutes=st.lists(st.integers(0, 36 * 60), min_size=1, max_size=2, unique=True).map(sorted))
def test_at_every_moment_the_total_is_what_is_billed_of_some_and_estimated_of_the_others(noon, minutes):
    """Whatever hour it is, and whichever hours were missed before it."""
    with tempfile.TemporaryDirectory() as folder, world(copied(noon.settings.home, Path(folder) / "home")) as now:
        for minute in minutes:
            now.read(NOON + timedelta(minutes=minute))
            assert_counted_once(now)


@pytest.mark.long
def test_over_midnight_and_until_the_bill_is_there_nothing_is_counted_twice(noon, tmp_path):
    with world(copied(noon.settings.home, tmp_path / "home")) as now:
        for instant in (datetime(2026, 11, 11, 0, 10, tzinfo=UTC), datetime(2026, 11, 11, 5, 10, tzinfo=UTC)):
            now.read(instant)
            assert_counted_once(now)


def assert_counted_once(now: World) -> None:
    """For each account and day: all of its bill once that is there, else the estimate; of a bill that grows, either."""
    today = now.clock.now().date()
    days = Window(today - timedelta(days=2), today)
    for provider, account in ACCOUNTS:
        rows = now.answer(("provider", "day", "model"), days, account).rows
        for day in days.days():
            shown = {
                row.keys["model"]: row for row in rows if (row.keys["provider"], row.keys["day"]) == (provider, day)
            }
            billed = money.add(row.usd or Decimal(0) for row in shown.values())
            assert billed == now.billed(provider, account, day)
            whole = by_model(now, provider, account, day, "estimated_usd")
            for model, row in shown.items():
                counted, estimated = row.estimated_usd or Decimal(0), whole.get(model, Decimal(0))
                if is_over(provider, day, now):
                    assert counted == 0
                elif model is not None:
                    assert counted == max(estimated - (row.usd or Decimal(0)), Decimal(0)), (provider, day, model)


def is_over(provider: str, day: date, now: World) -> bool:
    """Whether the bill of a day is there: not before it is over, and at Anthropic not until it comes."""
    since = now.clock.now() - datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    return since >= (LATE.bill_lag("anthropic", "default") if provider == "anthropic" else timedelta(0))
