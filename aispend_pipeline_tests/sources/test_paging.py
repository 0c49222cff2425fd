"""How pages follow each other: G1 to G9. A window is whole or it is nothing."""

import pytest

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import FetchState, Reading, Window
from aispend_pipeline.sources.http import Limits

from .scripted import (
    SETTLED,
    Answer,
    FakeClock,
    bucket,
    costs,
    days,
    page,
    read_one,
    result,
    scripted,
)

FIRST, SECOND, THIRD = SETTLED.days()
STRANGE = ["a b&c=d#e?f/%20+", "ünï çødé 日本 \U0001f600", '"quoted\\"', "x" * 8192, "AAE="]


def usd(fetch) -> dict[str, str]:
    return {str(answer.day): f"{answer.rows_usd:.2f}" for answer in fetch.answers}


def test_five_pages_of_each_reading_are_one_fetch():
    rows = [
        page(bucket(FIRST, result(f"{n}.10", f"line {n}")), more=f"page_{n}" if n < 5 else None) for n in range(1, 6)
    ]
    with scripted(costs(rows)) as provider:
        fetch = read_one(provider.base_url)
    assert fetch.state is FetchState.COMPLETE
    assert [body.body for body in fetch.pages] == rows * 2
    assert usd(fetch) == {str(FIRST): "15.50"}
    assert (fetch.answers[0].rows, fetch.answers[0].pages) == (5, 5)


def test_a_further_page_is_asked_for_with_every_other_parameter_unchanged():
    with scripted(costs([page(more="page_2"), days(SETTLED)])) as provider:
        read_one(provider.base_url, OPENAI_PROJECT_ID="proj_a,proj_b")
    for reading in (Reading.ROWS, Reading.CONTROL):
        first, second = provider.of(reading)
        assert list(second.query) == [*first.query, ("page", "page_2")]


def test_a_cursor_that_comes_again_is_a_loop_found_at_its_first_repeat():
    with scripted(lambda asked: Answer(page(bucket(FIRST, result()), more="page_2"))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.CURSOR_LOOP)
    assert "cursor loop" in fetch.error
    assert len(provider.asked) == 2


def test_a_loop_over_several_cursors_is_found_too():
    following = {None: "a", "a": "b", "b": "a"}
    with scripted(lambda asked: Answer(page(more=following[asked.cursor]))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.CURSOR_LOOP, 3)


def test_cursors_without_an_end_stop_at_the_page_limit():
    with scripted(lambda asked: Answer(page(more=f"{asked.cursor}x"))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(pages=20))
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.TOO_MANY_PAGES, 20)
    assert fetch.answers == ()


def test_cursors_without_an_end_stop_when_the_time_is_up():
    clock = FakeClock()

    def slow(asked):
        clock.advance(10)
        return Answer(page(more=f"{asked.cursor}x"))

    with scripted(slow) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.OUT_OF_TIME, 60)


def test_pages_that_are_too_large_together_are_a_failure():
    with scripted(lambda asked: Answer(page(more=f"{asked.cursor}x"))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(window_packed_bytes=300))
    assert fetch.error_class is ErrorClass.TOO_LARGE
    assert len(provider.asked) < 10


@pytest.mark.parametrize("cursor", ["", "null", "gone"])
def test_more_without_a_cursor_is_an_incomplete_answer(cursor):
    body = page(bucket(FIRST, result()), more="!")
    body = body.replace(
        b',"next_page":"!"', {"": b',"next_page":""', "null": b',"next_page":null', "gone": b""}[cursor]
    )
    with scripted(lambda asked: Answer(body)) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SCHEMA)
    assert "next_page is missing" in fetch.error
    assert [kept.body for kept in fetch.pages] == [body]


@pytest.mark.parametrize("more", [b"false", None])
def test_a_cursor_after_the_last_page_is_the_end(more):
    body = days(SETTLED).replace(b'"next_page":null', b'"next_page":"page_2"')
    body = body if more else body.replace(b'"has_more":false,', b"")
    with scripted(lambda asked: Answer(body)) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, len(provider.asked)) == (FetchState.COMPLETE, 2)


def test_a_page_that_fails_for_good_leaves_its_window_without_any_answer():
    rows = [page(bucket(FIRST, result("1", f"line {n}")), more=f"page_{n + 1}" if n < 5 else None) for n in range(1, 6)]
    healthy = costs(rows)

    def third_is_broken(asked):
        return Answer(b"{}", 500) if asked.cursor == "page_3" else healthy(asked)

    with scripted(third_is_broken) as provider:
        failed = read_one(provider.base_url)
        provider.script = healthy
        mended = read_one(provider.base_url)
    assert (failed.state, failed.error_class, failed.answers) == (FetchState.FAILED, ErrorClass.SERVER_ERROR, ())
    assert [kept.body for kept in failed.pages] == rows[:2]
    assert (mended.state, len(mended.pages), usd(mended)) == (FetchState.COMPLETE, 10, {str(FIRST): "5.00"})


def test_a_control_that_fails_for_good_fails_the_window():
    def no_control(asked):
        return Answer(days(SETTLED)) if asked.reading is Reading.ROWS else Answer(b"{}", 500)

    with scripted(no_control) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, fetch.error_class, fetch.answers) == (FetchState.FAILED, ErrorClass.SERVER_ERROR, ())


def test_a_line_that_comes_on_two_pages_counts_once_and_is_noted():
    twice, once = result("2.00", "gpt-4o, input", project_id="p"), result("1.00", "gpt-4o, output", project_id="p")
    rows = [page(bucket(FIRST, twice), more="page_2"), page(bucket(FIRST, twice, once))]
    with scripted(costs(rows, [page(bucket(FIRST, result("3.00", None)))])) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, usd(fetch)) == (FetchState.COMPLETE, {str(FIRST): "3.00"})
    assert fetch.detail == {"repeated_lines": 1}


def test_lines_that_differ_in_project_key_or_day_are_no_repetition():
    lines = [result(project_id="p"), result(project_id="q"), result(project_id="p", api_key_id="k"), result()]
    rows = [page(bucket(FIRST, line), more=f"page_{n}") for n, line in enumerate(lines)] + [
        page(bucket(SECOND, lines[0]))
    ]
    with scripted(costs(rows, [page(bucket(FIRST, result("4", None)), bucket(SECOND, result("1", None)))])) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(FIRST): "4.00", str(SECOND): "1.00"}
    assert fetch.detail == {}


def test_two_equal_lines_on_one_page_are_two_lines():
    with scripted(costs([page(bucket(FIRST, result(), result()))])) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(FIRST): "2.00"}


@pytest.mark.parametrize("cursor", STRANGE, ids=["reserved", "not ascii", "quotes", "long", "old"])
def test_a_strange_cursor_is_sent_back_exactly(cursor):
    with scripted(costs([page(more=cursor), days(SETTLED)])) as provider:
        fetch = read_one(provider.base_url)
    assert fetch.state is FetchState.COMPLETE
    assert [asked.cursor for asked in provider.asked] == [None, cursor] * 2


@pytest.mark.parametrize("cursor", ["x" * 100_000, "\U0001f600" * 8000], ids=["100 kB", "long once encoded"])
def test_an_overlong_cursor_is_a_failure(cursor):
    with scripted(lambda asked: Answer(page(more=cursor))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.SCHEMA, 1)
    assert fetch.error == f"/organization/costs: a cursor of {len(cursor)} characters"


def test_an_empty_page_in_the_middle_is_not_the_end():
    rows = [page(bucket(FIRST, result()), more="a"), page(more="b"), page(bucket(SECOND, result("2")))]
    with scripted(costs(rows)) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(FIRST): "1.00", str(SECOND): "2.00"}


def test_the_order_of_buckets_does_not_matter():
    rows = page(bucket(THIRD, result("3")), bucket(FIRST, result("1")), bucket(SECOND, result("2")))
    with scripted(costs([rows])) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(FIRST): "1.00", str(SECOND): "2.00", str(THIRD): "3.00"}


def test_days_outside_the_window_are_ignored_and_noted():
    wider = Window(FIRST.replace(day=16), THIRD.replace(day=21))
    with scripted(costs([days(wider)])) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(day): "1.00" for day in SETTLED.days()}
    assert fetch.detail == {"lines_of_other_days": {"2026-11-16": 1, "2026-11-17": 1, "2026-11-21": 1}}


def test_a_day_without_a_bucket_has_no_answer_and_an_empty_bucket_is_a_day_without_spend():
    with scripted(costs([page(bucket(FIRST), bucket(THIRD, result()))])) as provider:
        fetch = read_one(provider.base_url)
    assert usd(fetch) == {str(FIRST): "0.00", str(THIRD): "1.00"}
    assert [answer.agrees for answer in fetch.answers] == [True, True]
