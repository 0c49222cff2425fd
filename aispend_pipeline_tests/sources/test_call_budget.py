"""The calls that an account may make: every attempt and page takes one, and without any left nothing is asked."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.ingest import call_budget
from aispend_pipeline.model import CoverageState, FetchState, Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import State
from aispend_pipeline.state.waiting import WaitingDays

from .scripted import ANTHROPIC_KEY, NOW, SETTLED, TODAY, Answer, read_one, scripted, settings_for
from .shapes import ANTHROPIC_COSTS as COSTS
from .shapes import ANTHROPIC_USAGE as USAGE
from .shapes import refusal
from .store import Store

FIRST = SETTLED.first
ONE_DAY = Window(FIRST, FIRST)
PAGES = [COSTS.page(COSTS.bucket(FIRST, COSTS.result(n, f"g{n}")), more=f"p{n}" if n < 3 else None) for n in (1, 2, 3)]
BILL = COSTS.script([COSTS.page(*(COSTS.bucket(day, COSTS.result(1)) for day in SETTLED.days()))])


class Counted:
    """A budget of so many calls; `heard` is what the provider said is left."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.heard: list[int] = []

    def take(self, now: datetime) -> datetime | None:
        self.calls -= 1
        return None if self.calls >= 0 else now + timedelta(minutes=5)

    def left(self, calls: int, now: datetime) -> None:
        self.heard.append(calls)


def waiting(store: Store) -> dict:
    return {feed: sorted(days) for feed, days in WaitingDays(State(store.home)).all().items() if days}


def test_pages_and_attempts_take_a_call_each():
    good = COSTS.script(PAGES)
    faults = [refusal(COSTS, 529), refusal(COSTS, 429)]
    budget = Counted(100)
    with scripted(lambda asked: faults.pop() if faults and asked.cursor == "p1" else good(asked)) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=COSTS.source, budget=budget)
        asked = len(provider.asked)
    assert (fetch.state, asked, 100 - budget.calls) == (FetchState.COMPLETE, 8, 8)


@pytest.mark.parametrize("calls", [0, 1, 3, 5])
def test_when_they_are_used_up_the_fetch_ends_without_another_request_or_wait(calls):
    with scripted(COSTS.script(PAGES)) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=COSTS.source, budget=Counted(calls))
        asked = len(provider.asked)
    assert (fetch.state, fetch.error_class, fetch.answers) == (FetchState.FAILED, ErrorClass.OUT_OF_BUDGET, ())
    assert asked == calls
    assert fetch.error == f"{COSTS.path}: the 60 calls an hour are used up; it goes on after 2026-11-25 13:25 UTC"


def test_what_waits_is_not_stored_is_noted_and_is_read_once_there_are_calls_again(home):
    with scripted(BILL) as provider:
        store = Store(home, provider.base_url, COSTS.source, AISPEND_ANTHROPIC_CALLS_PER_HOUR="3")
        (whole,) = store.ingest(ONE_DAY)
        (halted,) = store.ingest()
        assert (whole.state, halted.error_class, len(halted.pages)) == ("complete", ErrorClass.OUT_OF_BUDGET, 1)
        assert len(provider.asked) == 3
        assert store.rows('SELECT window_end FROM "fetch"') == [(FIRST,)]
        assert set(store.states().values()) == {CoverageState.COMPLETE, CoverageState.NOT_DUE}
        assert waiting(store) == {("anthropic_costs", "default"): list(SETTLED.days())}
        store.clock.advance(20 * 60)
        store.ingest()
        assert len(provider.asked) == 4
        assert waiting(store) == {("anthropic_costs", "default"): list(SETTLED.days())}
        store.clock.advance(40 * 60)
        store.ingest()
        assert len(provider.asked) == 6
    assert set(store.states().values()) == {CoverageState.COMPLETE}
    assert (store.answer().total_usd, waiting(store)) == (3, {})


def test_a_failure_of_another_kind_is_stored_and_its_days_wait_for_calls_no_longer(home):
    with scripted(BILL) as provider:
        store = Store(home, provider.base_url, COSTS.source, AISPEND_ANTHROPIC_CALLS_PER_HOUR="1")
        store.ingest()
        assert waiting(store) == {("anthropic_costs", "default"): list(SETTLED.days())}
        store.clock.advance(3600)
        provider.script = lambda asked: refusal(COSTS, 401)
        store.ingest()
    assert store.rows('SELECT error_class FROM "fetch"') == [("unauthorized",)]
    assert waiting(store) == {}


def test_the_closed_days_are_kept_when_only_the_running_day_has_to_wait(home):
    with scripted(BILL) as provider:
        store = Store(home, provider.base_url, COSTS.source, AISPEND_ANTHROPIC_CALLS_PER_HOUR="2")
        store.ingest(Window(SETTLED.first, TODAY))
    assert store.states(SETTLED) == {("default", day): CoverageState.COMPLETE for day in SETTLED.days()}
    assert waiting(store) == {("anthropic_costs", "default"): [TODAY]}


def test_both_sources_of_an_account_share_its_calls(home):
    with scripted(lambda asked: Answer(COSTS.page(COSTS.bucket(FIRST)))) as provider:
        store = Store(home, provider.base_url, COSTS.source, AISPEND_ANTHROPIC_CALLS_PER_HOUR="2")
        store.ingest(ONE_DAY)
        (fetch,) = store.ingest(ONE_DAY, source=USAGE.source)
    assert fetch.error_class is ErrorClass.OUT_OF_BUDGET
    assert waiting(store) == {("anthropic_usage", "default"): [FIRST]}


def test_an_account_that_used_up_its_calls_is_alone(home):
    """The other one has calls of its own, and goes on."""
    with scripted(BILL) as provider:
        more = {"ANTHROPIC_API_KEY__EU": "sk-of-eu", "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "2"}
        store = Store(home, provider.base_url, COSTS.source, **more)
        used = call_budget(COSTS.source, store.settings, "default")
        assert [used.take(NOW) for _ in range(2)] == [None, None]
        fetches = {fetch.account: fetch for fetch in store.ingest()}
        assert {asked.headers["x-api-key"] for asked in provider.asked} == {"sk-of-eu"}
    assert {name: fetch.state.value for name, fetch in fetches.items()} == {"default": "failed", "eu": "complete"}
    assert waiting(store) == {("anthropic_costs", "default"): list(SETTLED.days())}


def test_openai_may_be_asked_as_often_as_one_likes():
    settings = settings_for("https://api.example/v1", AISPEND_ANTHROPIC_CALLS_PER_HOUR="1")
    assert call_budget(SOURCES["openai_costs"], settings, "default") is None


def test_a_provider_that_says_nothing_is_left_is_not_asked_again(home):
    """It counts other programs' calls too."""
    body = COSTS.page(*(COSTS.bucket(day, COSTS.result(1)) for day in SETTLED.days()))
    spent = ("anthropic-ratelimit-requests-remaining", "0")
    with scripted(lambda asked: Answer(body, headers=(spent,))) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        (fetch,) = store.ingest()
        assert (fetch.error_class, len(provider.asked)) == (ErrorClass.OUT_OF_BUDGET, 1)
        store.ingest()
        assert len(provider.asked) == 1
        provider.script = BILL
        store.clock.advance(3600)
        store.ingest()
    assert set(store.states().values()) == {CoverageState.COMPLETE}


@pytest.mark.parametrize("status", [200, 401, 429])
def test_what_the_provider_says_is_left_is_heard_with_every_answer(status):
    budget = Counted(100)
    headers = (("anthropic-ratelimit-requests-remaining", "17"), ("anthropic-ratelimit-requests-limit", "90"))
    with scripted(lambda asked: Answer(COSTS.page(), status, headers)) as provider:
        read_one(provider.base_url, ONE_DAY, source=USAGE.source, budget=budget)
        assert budget.heard == [17] * len(provider.asked)


@pytest.mark.parametrize("text", ["", "-1", "many", "1.5", "9" * 30, "\u0663".encode().decode("latin-1")])
def test_nonsense_about_what_is_left_is_ignored(text):
    budget = Counted(100)
    headers = (("anthropic-ratelimit-requests-remaining", text),)
    with scripted(lambda asked: Answer(COSTS.page(), headers=headers)) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=USAGE.source, budget=budget)
    assert (fetch.state, budget.heard) == (FetchState.COMPLETE, [])


steps = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 5400), st.none() | st.integers(0, 200)), min_size=1, max_size=25
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(calls=st.integers(1, 12), steps=steps)
def test_whatever_two_processes_do_no_hour_has_more_than_a_bucket_and_what_flowed_in(tmp_path_factory, calls, steps):
    """In any stretch of time: at most the full bucket, and its hourly share of the stretch."""
    home = tmp_path_factory.mktemp("shared")
    budgets = [CallBudget(State(home), "anthropic", "default", calls) for _ in range(2)]
    now, made = NOW, []
    for which, seconds, said in steps:
        now += timedelta(seconds=seconds)
        if said is not None:
            budgets[which].left(said, now)
        for _ in range(calls):
            if budgets[which].take(now) is None:
                made.append(now)
    for first in range(len(made)):
        for last in range(first, len(made)):
            hours = (made[last] - made[first]) / timedelta(hours=1)
            assert last - first + 1 <= calls + calls * hours + 0.001


def test_the_state_database_holds_no_key(home):
    with scripted(BILL) as provider:
        store = Store(home, provider.base_url, COSTS.source, AISPEND_ANTHROPIC_CALLS_PER_HOUR="1")
        store.ingest()
    for file in home.glob("state.sqlite*"):
        assert ANTHROPIC_KEY.encode() not in file.read_bytes()
