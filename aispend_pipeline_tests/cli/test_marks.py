"""Marks of days: what is missing never looks like zero, and every mark has a meaning."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aispend_pipeline.cli.bars import bar
from aispend_pipeline.cli.marks import Figure, Known, figure, legend, level, spark
from aispend_pipeline.cli.spend_lines import by_day, of_days
from aispend_pipeline.model import CoverageState, Finality
from aispend_pipeline.warehouse.coverage import Day, filled_in
from aispend_pipeline.warehouse.reads import Answer, Question, Window

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 21, tzinfo=UTC)
SETTLED = Day("openai_costs", "default", DAY, CoverageState.COMPLETE, AT, Finality.SETTLED)
PROVISIONAL = SETTLED._replace(finality=Finality.PROVISIONAL)
RUNNING = SETTLED._replace(finality=Finality.OPEN)
HALF_READ = RUNNING._replace(half_read=True)
FAILED = SETTLED._replace(state=CoverageState.FAILED, finality=None, last_read_at=None)
PARTIAL = SETTLED._replace(state=CoverageState.PARTIAL)
NOT_DUE = FAILED._replace(state=CoverageState.NOT_DUE)
(NEVER_ASKED,) = filled_in([], Window(DAY, DAY), [("openai_costs", "default")], DAY)
MISSING = {Known.NOT_READ, Known.NOT_DUE}
CENT = Decimal("0.01")
usd = st.decimals(min_value=-1000, max_value=10**9, places=4)
days = st.sampled_from([SETTLED, PROVISIONAL, RUNNING, HALF_READ, FAILED, PARTIAL, NOT_DUE, NEVER_ASKED])


@pytest.mark.parametrize(
    ("billed", "estimated", "read", "known"),
    [
        (CENT, None, [SETTLED], Known.BILLED),
        (CENT, None, [SETTLED, PROVISIONAL], Known.MAY_CHANGE),
        (CENT, None, [RUNNING], Known.MAY_CHANGE),
        (CENT, None, [SETTLED, NOT_DUE], Known.MAY_CHANGE),
        (None, CENT, [NOT_DUE], Known.ESTIMATED),
        (CENT, CENT, [RUNNING], Known.ESTIMATED),
        (CENT, None, [SETTLED, FAILED], Known.PARTLY),
        (CENT, CENT, [PARTIAL], Known.PARTLY),
        (CENT, None, [HALF_READ], Known.PARTLY),
        (-CENT, None, [SETTLED], Known.CREDIT),
        (None, None, [SETTLED], Known.NOTHING),
        (None, None, [SETTLED, NOT_DUE], Known.NOT_DUE),
        (None, None, [FAILED, NOT_DUE], Known.NOT_READ),
        (None, None, [NEVER_ASKED], Known.NOT_READ),
        (None, None, [HALF_READ], Known.NOT_READ),
        (None, None, [], Known.NOT_READ),
    ],
)
def test_what_is_known_of_a_day(billed, estimated, read, known):
    assert figure(billed, estimated, read).known is known


@given(
    st.lists(st.tuples(st.none() | usd, st.none() | usd, st.lists(days, max_size=3)), min_size=1, max_size=40),
    st.booleans(),
)
def test_a_mark_says_that_a_day_is_missing_exactly_where_it_is(given_days, unicode):
    figures = [figure(*one) for one in given_days]
    missing = "".join(known.marks(unicode=unicode) for known in MISSING)

    marks = spark(figures, unicode=unicode).plain

    assert len(marks) == len(figures)
    assert [mark in missing for mark in marks] == [one.known in MISSING for one in figures]


@given(st.lists(usd, min_size=2, max_size=20))
def test_of_two_days_that_are_alike_the_dearer_is_not_lower(amounts):
    marks = spark([Figure(amount, Known.BILLED) for amount in amounts if amount > 0], unicode=True).plain
    ordered = [mark for _, mark in sorted(zip([amount for amount in amounts if amount > 0], marks, strict=True))]

    assert ordered == sorted(ordered, key=Known.BILLED.marks(unicode=True).index)
    assert not ordered or ordered[-1] == "█"


def test_marks_tell_days_apart_with_and_without_unicode_and_are_explained():
    for unicode in (True, False):
        every = "".join(known.marks(unicode=unicode) for known in Known)
        assert len({*every}) == len(every)
    assert Known.NOTHING.marks(unicode=True) not in " "
    assert all(known.marks(unicode=False).isascii() for known in Known)
    assert legend([Known.NOT_READ, Known.BILLED], unicode=False) == "8 billed x not read"


def test_a_day_of_its_own_line_has_a_bar_and_words():
    most = Decimal(10)
    assert level(Figure(most, Known.BILLED), most, unicode=True, running=False).plain == "██████████"
    assert (
        level(Figure(CENT, Known.ESTIMATED), most, unicode=False, running=True).plain == "#          running, estimated"
    )
    assert level(Figure(None, Known.NOT_READ), most, unicode=False, running=False).plain == "x not read"


def test_where_there_is_little_room_a_bar_has_fewer_cells_and_the_same_number():
    out = Console(file=io.StringIO())

    assert bar(50, out, "", 10).plain == "#####.....  50 %"
    assert bar(50, out, "", 4).plain == "##..  50 %"
    assert bar(None, out, "", 0).plain == "     ?"


def nothing(*read: Day) -> Answer:
    return Answer([], False, Decimal(0), [], [], [], [], list(read))


def test_days_without_a_line_are_put_in_where_they_are_missing():
    eu = NEVER_ASKED._replace(account="eu", day=DAY + timedelta(days=1))
    window = Window(DAY, eu.day)

    by_account = of_days(Question(window, ("day", "account")), nothing(SETTLED, FAILED, eu))
    by_model = of_days(Question(window, ("day", "model")), nothing(SETTLED, FAILED, eu))

    assert [(line.keys, line.row, line.day.known) for line in by_account] == [
        ({"day": DAY, "account": "default"}, None, Known.NOT_READ),
        ({"day": eu.day, "account": "eu"}, None, Known.NOT_READ),
    ]
    assert [line.keys for line in by_model] == [{"day": DAY}, {"day": eu.day}]


def test_usage_that_is_missing_makes_no_bill_look_missing():
    usage = FAILED._replace(source="openai_usage")

    assert of_days(Question(Window(DAY, DAY), ("day",)), nothing(SETTLED, usage)) == []
    assert [*by_day(nothing(), nothing(), [DAY])] == []
