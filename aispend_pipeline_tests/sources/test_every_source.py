"""What holds for each of the four sources alike: how pages follow each other, what spoils a page, what goes wrong."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import FetchState, Window, midnight
from aispend_pipeline.sources.http import Limits

from .scripted import NOW, SETTLED, TODAY, Answer, FakeClock, cut, in_turn, read_one, scripted
from .shapes import ALL, BILLS, OPENAI_USAGE, Shape, refusal
from .store import Store

FIRST, SECOND, THIRD = SETTLED.days()
ONE_DAY = Window(FIRST, FIRST)
HASTY = Limits(attempts=2)
each_source = pytest.mark.parametrize("shape", ALL, ids=str)
each_bill = pytest.mark.parametrize("shape", BILLS, ids=str)


def everyday(shape: Shape, *figures: int, window: Window = SETTLED, more: str | None = None) -> bytes:
    """A page with a result a day."""
    figures = figures or (1,) * len(list(window.days()))
    return shape.page(
        *(shape.bucket(day, shape.result(n)) for day, n in zip(window.days(), figures, strict=True)), more=more
    )


def fetched(shape: Shape, *rows: bytes, window: Window = SETTLED, control=None, **more):
    with scripted(shape.script(rows, control)) as provider:
        return read_one(provider.base_url, window, source=shape.source, **more)


@each_source
def test_pages_are_read_to_the_end_and_kept_as_they_came(shape):
    rows = [shape.page(shape.bucket(FIRST, shape.result(n, f"g{n}")), more=f"page_{n}") for n in range(1, 5)]
    rows.append(everyday(shape))
    fetch = fetched(shape, *rows)
    assert fetch.state is FetchState.COMPLETE
    assert [page.body for page in shape.pages(fetch)] == rows
    assert shape.figures(fetch) == {str(FIRST): 11, str(SECOND): 1, str(THIRD): 1}


@each_source
def test_a_further_page_is_asked_for_with_every_other_parameter_unchanged(shape):
    with scripted(shape.script([shape.page(more="a b&c=d"), everyday(shape)])) as provider:
        read_one(provider.base_url, source=shape.source)
    first, second = shape.asked(provider)
    assert list(second.query) == [*first.query, ("page", "a b&c=d")]
    assert first.headers == second.headers


@each_source
def test_a_cursor_that_comes_again_is_a_loop(shape):
    with scripted(lambda asked: Answer(everyday(shape, more="again"))) as provider:
        fetch = read_one(provider.base_url, source=shape.source)
    assert (fetch.state, fetch.error_class, fetch.answers) == (FetchState.FAILED, ErrorClass.CURSOR_LOOP, ())
    assert len(provider.asked) == 2


@each_source
def test_cursors_without_an_end_stop_at_the_page_limit(shape):
    with scripted(lambda asked: Answer(shape.page(more=f"{asked.cursor}x"))) as provider:
        fetch = read_one(provider.base_url, source=shape.source, limits=Limits(pages=5))
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.TOO_MANY_PAGES, 5)


@each_source
def test_more_without_a_cursor_is_an_incomplete_answer(shape):
    body = everyday(shape, more="!").replace(b'"next_page":"!"', b'"next_page":null')
    with scripted(lambda asked: Answer(body)) as provider:
        fetch = read_one(provider.base_url, source=shape.source)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SCHEMA)


@each_source
def test_a_cursor_after_the_last_page_is_the_end(shape):
    body = everyday(shape).replace(b'"next_page":null', b'"next_page":"page_2"')
    assert body != everyday(shape)
    assert len(shape.pages(fetched(shape, body))) == 1


@pytest.mark.long
@each_source
def test_a_page_that_fails_for_good_leaves_its_window_without_any_answer(shape, home):
    rows = [shape.page(shape.bucket(FIRST, shape.result(n, f"g{n}")), more=f"page_{n}") for n in range(1, 5)]
    healthy = shape.script([*rows, everyday(shape)])

    def third_is_broken(asked):
        return refusal(shape, 500) if asked.cursor == "page_2" else healthy(asked)

    with scripted(third_is_broken) as provider:
        store = Store(home, provider.base_url, shape.source)
        (failed,) = store.ingest()
        assert set(store.states().values()) == {"failed"}
        provider.script = healthy
        store.ingest()
    assert (failed.error_class, failed.answers, len(failed.pages)) == (ErrorClass.SERVER_ERROR, (), 2)
    assert set(store.states().values()) == {"complete"}
    assert store.rows(f"SELECT count(*) FROM {shape.source.normaliser.table}") == [(7,)]


@each_source
def test_a_line_that_comes_on_two_pages_counts_once_and_is_noted(shape):
    rows = [
        shape.page(shape.bucket(FIRST, shape.result(2, "p")), more="page_2"),
        shape.page(shape.bucket(FIRST, shape.result(2, "p"), shape.result(1, "q"))),
    ]
    fetch = fetched(shape, *rows, window=ONE_DAY)
    assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 3}, {"repeated_lines": 1})


@each_source
def test_an_empty_page_in_the_middle_is_not_the_end(shape):
    fetch = fetched(shape, shape.page(more="a"), shape.page(more="b"), everyday(shape))
    assert shape.figures(fetch) == {str(day): 1 for day in SETTLED.days()}


@each_source
def test_the_order_of_buckets_does_not_matter_and_other_days_are_ignored_and_noted(shape):
    days = [THIRD, FIRST - timedelta(days=1), FIRST, SECOND, THIRD + timedelta(days=1)]
    fetch = fetched(shape, shape.page(*(shape.bucket(day, shape.result(day.day)) for day in days)))
    assert shape.figures(fetch) == {str(day): day.day for day in SETTLED.days()}
    assert fetch.detail == {"lines_of_other_days": {"2026-11-17": 1, "2026-11-21": 1}}


@each_source
def test_an_empty_bucket_is_a_whole_day_of_nothing_and_no_bucket_is_not_known(shape, home):
    with scripted(shape.script([shape.page(shape.bucket(FIRST), shape.bucket(THIRD, shape.result(3)))])) as provider:
        store = Store(home, provider.base_url, shape.source)
        store.ingest()
    states = {day: state.value for (_, day), state in store.states().items()}
    assert states == {FIRST: "complete", SECOND: "not_due", THIRD: "complete"}
    assert store.answer().total_usd == (3 if shape.is_bill else 0)


@each_source
def test_the_same_ingest_twice_changes_nothing_and_stores_no_body_twice(shape, home):
    with scripted(shape.script([everyday(shape, more="2"), shape.page()])) as provider:
        store = Store(home, provider.base_url, shape.source)
        counts = "SELECT (SELECT count(*) FROM body), (SELECT count(*) FROM spend), (SELECT count(*) FROM usage)"
        store.ingest()
        once = store.rows(counts), store.answer(SETTLED, "day", "model").rows
        store.ingest()
    assert (store.rows(counts), store.answer(SETTLED, "day", "model").rows) == once


@each_source
def test_fields_nobody_knows_are_ignored_and_noted(shape):
    body = shape.page({**shape.bucket(FIRST, shape.result(1, new={"deep": [1, 2.5]})), "start_time_iso": "x"})
    fetch = fetched(shape, body, window=ONE_DAY)
    assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 1}, {"unknown_fields": ["new"]})


@each_source
@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        ('"data":[', '"dates":[', "data"),
        ('"START":', '"starts":', "$.data[0]"),
        ('"START":', '"START":{},"s":', "$.data[0].START"),
        ('"results":[', '"result":[', "$.data[0]"),
        ('"results":[{', '"results":[[],{', "$.data[0].results[0]"),
        ('"GROUP":null', '"GROUP":["x"]', "$.data[0].results[0].GROUP"),
    ],
)
def test_a_shape_that_is_not_the_known_one_fails_the_window_and_names_the_path(shape, was, becomes, path):
    was, becomes, path = (
        text.replace("START", shape.start).replace("GROUP", shape.group) for text in (was, becomes, path)
    )
    body = everyday(shape).replace(was.encode(), becomes.encode(), 1)
    assert body != everyday(shape)
    fetch = fetched(shape, body)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SCHEMA)
    assert path in fetch.error
    assert fetch.pages[0].body == body


@each_source
def test_a_byte_order_mark_is_let_through(shape):
    fetch = fetched(shape, b"\xef\xbb\xbf" + shape.page(shape.bucket(FIRST, shape.result(5))), window=ONE_DAY)
    assert shape.figures(fetch) == {str(FIRST): 5}


def spellings(shape: Shape) -> list[object]:
    start = int(midnight(FIRST).timestamp())
    before = FIRST - timedelta(days=1)
    texts = [
        f"{FIRST}T00:00:00Z",
        f"{FIRST}T00:00:00.000Z",
        f"{FIRST}T00:00:00+00:00",
        f"{FIRST}T05:30:00+05:30",
        f"{before}T19:00:00-05:00",
    ]
    return [*texts, start, start * 1000, f"{FIRST}T23:00:00Z", start + 82800]


@each_source
def test_every_spelling_of_a_time_is_the_same_utc_day(shape):
    for start in spellings(shape):
        fetch = fetched(shape, shape.page(shape.bucket(start, shape.result(7))), window=ONE_DAY)
        assert shape.figures(fetch) == {str(FIRST): 7}, start


IMPOSSIBLE = [
    0,
    10**18,
    "1970-01-01T00:00:00Z",
    f"{TODAY + timedelta(days=1)}T00:00:00Z",
    "2026-11-31T00:00:00Z",
    "soon",
]


@each_source
@pytest.mark.parametrize("start", IMPOSSIBLE)
def test_a_bucket_of_no_possible_day_is_quarantined(shape, start):
    rows = shape.page(shape.bucket(start, shape.result(9)), shape.bucket(FIRST, shape.result(1)))
    fetch = fetched(shape, rows, window=ONE_DAY)
    assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 1}, {"quarantined": 1})


@each_source
def test_what_is_wrong_with_one_record_hides_nothing_that_is_wrong_with_another(shape):
    odd = shape.bucket(FIRST, shape.result(1, "p"), shape.result(msgspec.Raw(b"true"), "q"))
    for buckets in ([shape.bucket(0, shape.result(9)), odd], [odd, shape.bucket(0, shape.result(9))]):
        fetch = fetched(shape, shape.page(*buckets), window=ONE_DAY)
        assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 1}, {"quarantined": 2})


@each_source
def test_what_is_quarantined_is_shown_with_its_reason_and_is_in_no_sum(shape, home):
    rows = shape.page(shape.bucket(0, shape.result(9)), shape.bucket(FIRST, shape.result(1)))
    with scripted(shape.script([rows])) as provider:
        store = Store(home, provider.base_url, shape.source)
        store.ingest(ONE_DAY)
    assert store.states(ONE_DAY) == {("default", FIRST): "partial"}
    ((day, reason, record),) = store.rows("SELECT day, reason, record FROM quarantine")
    assert (day, reason) == (FIRST, "bucket dated 1970-01-01, before 2024-01-01")
    assert json.loads(record)
    assert store.rows(f"SELECT sum({shape.column}) FROM {shape.source.normaliser.table}") == [(1,)]


@pytest.mark.parametrize("day", ["2028-02-29", "2026-12-31", "2026-03-29", "2027-01-01"])
@each_source
def test_a_bucket_belongs_to_the_day_of_its_start(shape, day):
    day = type(FIRST).fromisoformat(day)
    clock = FakeClock(midnight(day) + timedelta(days=5))
    with scripted(shape.script([shape.page(shape.bucket(day, shape.result()))])) as provider:
        fetch = read_one(provider.base_url, Window(day, day), source=shape.source, clock=clock)
    assert [(answer.day, answer.rows) for answer in fetch.answers] == [(day, 1)]


@each_source
def test_every_question_carries_the_credentials_and_says_who_asks(shape):
    with scripted(shape.script([everyday(shape)])) as provider:
        read_one(provider.base_url, source=shape.source)
    for asked in provider.asked:
        assert {name: asked.headers[name] for name in shape.credentials} == shape.credentials
        assert asked.headers["user-agent"].startswith("aispend/")
        others = {"authorization", "x-api-key", "openai-organization", "anthropic-version"} - {*shape.credentials}
        assert not others & {*asked.headers}


@each_source
@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_hiccup_is_waited_out(shape, status):
    clock, good = FakeClock(), shape.script([everyday(shape)])
    faults = [refusal(shape, status), refusal(shape, 429, retry_after="7")]
    with scripted(lambda asked: faults.pop(0) if faults else good(asked)) as provider:
        fetch = read_one(provider.base_url, source=shape.source, clock=clock)
    assert fetch.state is FetchState.COMPLETE
    assert len(clock.waits) == 2
    assert clock.waits[1] == 7


@each_source
def test_a_wait_of_more_than_a_minute_ends_the_fetch_at_once(shape):
    clock = FakeClock()
    with scripted(in_turn(refusal(shape, 429, "slow down", retry_after="61"))) as provider:
        fetch = read_one(provider.base_url, source=shape.source, clock=clock)
    assert (fetch.error_class, len(provider.asked), clock.waits) == (ErrorClass.RATE_LIMITED, 1, [])
    assert "slow down" in fetch.error


@each_source
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413])
def test_a_refusal_is_not_asked_again_and_its_reason_is_kept(shape, status):
    with scripted(in_turn(refusal(shape, status, "because I say so"))) as provider:
        fetch = read_one(provider.base_url, source=shape.source, account="eu", **of_eu(shape))
    refused_key = status in (401, 403)
    assert fetch.error_class is (ErrorClass.UNAUTHORIZED if refused_key else ErrorClass.REJECTED)
    assert len(provider.asked) == 1
    path = shape.path if shape.path in fetch.error else shape.path.removeprefix("/v1")
    assert fetch.error.startswith(f"{path} answered {status}: because I say so")
    assert (f"Set {shape.source.provider.upper()}_API_KEY__EU to" in fetch.error) is refused_key


def of_eu(shape: Shape) -> dict[str, str]:
    return {f"{shape.source.provider.upper()}_API_KEY__EU": "sk-of-eu"}


@each_source
def test_a_broken_connection_is_a_failed_attempt_and_never_the_end_of_data(shape):
    good = shape.script([everyday(shape)])
    left = [Answer(everyday(shape), wire=cut(40))]
    with scripted(lambda asked: left.pop() if left else good(asked)) as provider:
        fetch = read_one(provider.base_url, source=shape.source)
    assert shape.figures(fetch) == {str(day): 1 for day in SETTLED.days()}
    assert fetch.state is FetchState.COMPLETE


@each_source
@pytest.mark.parametrize("body", [b"<!doctype html><p>Sign in", b"", b"[]"], ids=["a login page", "nothing", "a list"])
def test_what_is_no_page_is_unexpected_content_and_not_nothing(shape, body):
    with scripted(in_turn(Answer(body))) as provider:
        fetch = read_one(provider.base_url, source=shape.source)
    assert (fetch.error_class, fetch.answers) == (ErrorClass.UNEXPECTED_CONTENT, ())


@each_source
def test_a_redirect_is_not_followed_and_the_key_stays_here(shape):
    with scripted(shape.script([everyday(shape)])) as other:
        away = Answer(status=302, headers=(("location", f"{other.base_url}{shape.path}"),))
        with scripted(in_turn(away)) as provider:
            fetch = read_one(provider.base_url, source=shape.source)
    assert (fetch.error_class, other.asked) == (ErrorClass.REDIRECT, [])


@each_source
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_a_key_that_an_answer_echoes_is_in_no_page_and_no_error(shape, status):
    key = next(iter(shape.credentials.values())).removeprefix("Bearer ")
    with scripted(in_turn(refusal(shape, status, f"wrong key {key}"))) as provider:
        fetch = read_one(provider.base_url, source=shape.source, limits=HASTY)
    assert fetch.state is FetchState.FAILED
    assert key not in repr(fetch)
    assert fetch.pages == []


@each_bill
def test_an_amount_that_is_none_spoils_its_record_and_nothing_else(shape):
    """Sums of neither the day nor the control are compared then."""
    for value in ("NaN", '"1,000"', '"$5"', "true", "{}", "null", '"\u0663"', "1e400"):
        lines = (shape.result(1, "p"), shape.result(msgspec.Raw(value.encode()), "q"), shape.result(2, "r"))
        fetch = fetched(shape, shape.page(shape.bucket(FIRST, *lines)), window=ONE_DAY)
        assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 3}, {"quarantined": 1}), value
        assert [(answer.rows, answer.agrees) for answer in fetch.answers] == [(2, None)]


@each_bill
def test_a_credit_lowers_the_total_even_below_nothing(shape, home):
    body = shape.page(shape.bucket(FIRST, shape.result(1, "p"), shape.result(-4, "q")))
    with scripted(shape.script([body])) as provider:
        store = Store(home, provider.base_url, shape.source)
        store.ingest(ONE_DAY)
    assert store.answer().total_usd == -3


steady = settings(max_examples=20, deadline=None, derandomize=True)
answers = st.dictionaries(
    st.sampled_from([FIRST + timedelta(days=n) for n in range(-1, 4)]),
    st.dictionaries(st.sampled_from(["p", "q", "r", None]), st.integers(0, 10**9), max_size=4),
    max_size=5,
)


@each_source
@steady
@given(answer=answers, data=st.data())
def test_however_buckets_are_cut_into_pages_the_rows_are_the_same(shape, answer, data):
    """Pages may part between buckets and inside them, come in any order, and be empty."""
    pieces = []
    for day, figures in answer.items():
        results = [shape.result(n, group) for group, n in figures.items()]
        at = sorted(data.draw(st.lists(st.integers(0, len(results)), max_size=2)))
        pieces += [(day, results[i:j]) for i, j in zip([0, *at], [*at, len(results)], strict=True)]
    pieces = data.draw(st.permutations(pieces))
    ends = sorted(data.draw(st.lists(st.integers(0, len(pieces)), max_size=4)))
    bodies = [
        shape.page(*(shape.bucket(day, *some) for day, some in pieces[i:j]))
        for i, j in zip([0, *ends], [*ends, len(pieces)], strict=True)
    ]

    def rows(bodies: list[bytes]) -> list[tuple]:
        tables = shape.source.normaliser.records(lambda: bodies, NOW)
        return sorted(
            (str(row["day"]), str(row["project_id"]), row[shape.column], row["fault"] or "")
            for table in tables
            for row in table.to_pylist()
        )

    kept = [(str(day), str(group), Decimal(n), "") for day, figures in answer.items() for group, n in figures.items()]
    assert rows(bodies) == sorted(kept)
    assert rows(bodies + bodies) == sorted(kept)


def test_buckets_of_one_hour_from_two_endpoints_are_not_each_others_repetition():
    """Ten reports are read together: the same hour, project and key in another report is another line."""
    shape = OPENAI_USAGE
    embeddings = {"object": "organization.usage.embeddings.result", "input_tokens": 4, "num_model_requests": 1}

    def script(asked):
        of = {"completions": shape.result(3, "p"), "embeddings": {**embeddings, "project_id": "p"}}
        found = of.get(asked.path.rsplit("/", 1)[1])
        if found is None or asked.cursor:
            return Answer(shape.page(shape.bucket(FIRST, *([found] if found else []))))
        return Answer(shape.page(shape.bucket(FIRST, {**found, "project_id": "q"}), more="2"))

    with scripted(script) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=shape.source)
    assert (shape.figures(fetch), fetch.detail) == ({str(FIRST): 14}, {})
