"""What befalls one window or account: what is not asked any more, and what the others have of it."""

import pytest

from aispend_pipeline import ingest
from aispend_pipeline.errors import ErrorClass, StoreError
from aispend_pipeline.model import FetchState, Window
from aispend_pipeline.sources.http import Limits

from .scripted import SETTLED, TODAY, Answer, costs, days, hang_up, read_one, scripted, silence
from .shapes import ANTHROPIC_COSTS, OPENAI_COSTS, refusal
from .store import Store
from .test_call_budget import Counted

# Asked for as two windows: the days that are over, and the running one.
TWO = Window(SETTLED.first, TODAY)
HASTY = Limits(attempt_seconds=0.3, attempts=1)


@pytest.mark.parametrize(
    ("answer", "error_class", "asked"),
    [
        (Answer(wire=silence), ErrorClass.TIMEOUT, 1),
        (refusal(OPENAI_COSTS, 401), ErrorClass.UNAUTHORIZED, 1),
        (refusal(OPENAI_COSTS, 429), ErrorClass.RATE_LIMITED, 1),
        (refusal(OPENAI_COSTS, 500), ErrorClass.SERVER_ERROR, 2),
        (Answer(wire=hang_up), ErrorClass.BROKEN_OFF, 2),
    ],
    ids=lambda value: str(value) if isinstance(value, ErrorClass) else "",
)
def test_what_would_befall_the_other_windows_too_is_not_asked_for_again(home, answer, error_class, asked):
    with scripted(lambda asked: answer) as provider:
        fetches = Store(home, provider.base_url).ingest(TWO, limits=HASTY)
        assert len(provider.asked) == asked
    assert [fetch.window for fetch in fetches] == [
        Window(TWO.first, SETTLED.last.replace(day=24)),
        Window(TODAY, TODAY),
    ]
    assert {(fetch.state, fetch.error_class) for fetch in fetches} == {(FetchState.FAILED, error_class)}
    assert len({fetch.error for fetch in fetches}) == 1
    assert len({fetch.fetch_id for fetch in fetches}) == 2
    assert [fetch.pages for fetch in fetches] == [[], []]


def test_the_windows_before_the_failure_are_kept(home):
    good = costs([days(SETTLED)])
    with scripted(lambda asked: good(asked) if asked.all("end_time") else refusal(OPENAI_COSTS, 401)) as provider:
        fetches = Store(home, provider.base_url).ingest(TWO)
    assert [fetch.state for fetch in fetches] == [FetchState.COMPLETE, FetchState.FAILED]


def test_a_fault_of_our_own_is_a_failed_fetch_of_its_window(home, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of sk-admin-secret-of-somebody")

    monkeypatch.setattr(type(OPENAI_COSTS.source), "cursor", broken)
    with scripted(costs([days(SETTLED)])) as provider:
        (fetch,) = Store(home, provider.base_url).ingest()
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.INTERNAL)
    assert fetch.error == "a fault of aispend's own: ZeroDivisionError('of [key]')"


def of_two(home, odd: Answer) -> Store:
    """A store of two accounts, one of which is answered with `odd`, read once."""
    healthy = costs([days(SETTLED)])

    def script(asked):
        return odd if asked.headers["authorization"].endswith("sk-odd") else healthy(asked)

    with scripted(script) as provider:
        store = Store(home, provider.base_url, OPENAI_API_KEY__ODD="sk-odd")
        store.ingest()
    return store


def test_odd_text_of_one_accounts_error_does_not_lose_what_the_other_read(home):
    store = of_two(home, Answer(b'{"error": {"message": "half \\ud83d a smile"}}', 400))
    assert sorted(store.rows('SELECT account, state, error FROM "fetch"')) == [
        ("default", "complete", None),
        ("odd", "failed", "/organization/costs answered 400: half ? a smile"),
    ]
    assert store.answer().total_usd == 3


def test_what_cannot_be_stored_of_one_account_is_raised_once_the_others_are_stored(home, monkeypatch):
    whole = ingest.fetches.store

    def picky(transaction, fetch, run_id):
        if fetch.account == "odd":
            raise StoreError("no room for this one")
        whole(transaction, fetch, run_id)

    monkeypatch.setattr(ingest.fetches, "store", picky)
    with pytest.raises(StoreError, match="no room for this one"):
        of_two(home, Answer(days(SETTLED)))
    with scripted(costs([days(SETTLED)])) as provider:
        assert Store(home, provider.base_url).rows('SELECT account, state FROM "fetch"') == [("default", "complete")]


def test_an_outage_that_used_up_the_calls_is_an_outage():
    with scripted(lambda asked: refusal(ANTHROPIC_COSTS, 529, "overloaded")) as provider:
        fetch = read_one(provider.base_url, source=ANTHROPIC_COSTS.source, budget=Counted(2))
        assert len(provider.asked) == 2
    assert fetch.error_class is ErrorClass.SERVER_ERROR
    assert fetch.error.endswith("answered 529: overloaded")


def test_a_damaged_state_database_stops_no_account_whose_calls_are_not_counted(home):
    with scripted(costs([days(SETTLED)])) as provider:
        store = Store(home, provider.base_url)
        (home / "state.sqlite").write_bytes(b"no database at all" * 1000)
        (fetch,) = store.ingest()
    assert fetch.state is FetchState.COMPLETE
    assert store.answer().total_usd == 3
