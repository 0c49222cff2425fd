"""What people read: every event in its own words, in plain text, with nothing in it that a name smuggled in."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.alerts.messages import Gravity, carried_lines, gravest_first, gravity, line, title
from aispend_pipeline.alerts.plain import LONGEST, plain
from aispend_pipeline.caps.model import EventType, Level, Reason
from aispend_pipeline_tests.alerts.samples import (
    AT,
    TOP,
    a_test,
    cap_event,
    channel_event,
    forecast_event,
    ingest_event,
)

OK, SOFT, HARD = Level
steady = settings(deadline=None, derandomize=True)

RANGE = (
    "expected: 99.00 to 1,230.50 USD, if days to come cost what their weekday usually does,"
    " at the level of the last seven"
)
WORDS = [
    (
        cap_event(),
        "openai reached its hard cap: 100.40 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent",
    ),
    (
        cap_event(level=SOFT, prev=OK, total="80.00"),
        "openai reached its soft cap: 80.00 of 80.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent|its hard cap: 80.00 of 100.00 USD",
    ),
    (
        cap_event(reason=Reason.CAP_LOWERED, total="99.999999", hard="99.99", soft=None, prev=OK),
        "openai reached its hard cap: 100.00 of 99.99 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the cap was lowered",
    ),
    (
        cap_event(reason=Reason.LATE_DATA, total="104.00"),
        "2026-11 is over, and late figures say that openai reached its hard cap: 104.00 of 100.00 USD",
        "because late figures for a month that is over came in: "
        "no hook is called, and the running month is not touched",
    ),
    (
        cap_event(EventType.REMINDER, prev=HARD, total="1112.30"),
        "openai is still above its hard cap: 1,112.30 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent",
    ),
    (
        cap_event(EventType.REMINDER, prev=HARD, total="100.00", reason=Reason.RECOMPUTE),
        "openai is still at its hard cap: 100.00 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the totals were worked out anew from stored answers",
    ),
    (
        cap_event(EventType.REMINDER, prev=HARD, total="41.00", complete=False),
        "openai still counts as above its hard cap, until lower figures are sure: 41.00 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent|figures may be too low",
    ),
    (
        cap_event(EventType.STEPPED_DOWN, SOFT, HARD, Reason.CORRECTION, total="97.00", cap="100.00"),
        "openai is below its hard cap again: 97.00 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the provider corrected its bill"
        "|still above its soft cap: 97.00 of 80.00 USD",
    ),
    (
        cap_event(EventType.STEPPED_DOWN, SOFT, HARD, Reason.CAP_REMOVED, total="80.00", hard=None, cap=None),
        "openai has no hard cap any more: 80.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the cap was removed|still at its soft cap: 80.00 of 80.00 USD",
    ),
    (
        cap_event(EventType.RECOVERED, OK, HARD, Reason.CAP_RAISED, total="120", soft="130.00", hard="150.00"),
        "openai is below its soft cap again: 120.00 of 130.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the cap was raised|its hard cap: 120.00 of 150.00 USD",
    ),
    (
        cap_event(EventType.RECOVERED, OK, HARD, Reason.CORRECTION, total="60.00", soft="100.00"),
        "openai is below its hard cap again: 60.00 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the provider corrected its bill",
    ),
    (
        cap_event(EventType.RECOVERED, OK, SOFT, Reason.CAP_REMOVED, total="85.00", soft=None, cap=None),
        "openai has no soft cap any more: 85.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the cap was removed|its hard cap: 85.00 of 100.00 USD",
    ),
    (
        cap_event(EventType.PERIOD_RESET, prev=HARD, reason=Reason.PERIOD_ROLL, total="131.20"),
        "2026-11 is over, and openai ended it above its hard cap: 131.20 of 100.00 USD",
        "because the month is over; the new one begins at 0.00 USD",
    ),
    (
        cap_event(EventType.PERIOD_RESET, SOFT, SOFT, Reason.PERIOD_ROLL, total="79.999999", soft="80.00"),
        "2026-11 is over, and openai ended it below its soft cap: 79.999999 of 80.00 USD",
        "because the month is over; the new one begins at 0.00 USD",
    ),
    (
        cap_event(EventType.PERIOD_RESET, prev=HARD, reason=Reason.PERIOD_ROLL, total="131.20", hard=None, cap=None),
        "2026-11 is over, and openai ended it at 131.20 USD",
        "because the month is over; the new one begins at 0.00 USD",
    ),
    (
        cap_event(total="112.40", estimated_usd="12.00", hard_on_estimates=False),
        "openai reached its hard cap: 100.40 of 100.00 USD, not counting 12.00 estimated in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent",
    ),
    (
        cap_event(level=SOFT, prev=OK, total="102.00", estimated_usd="2.50", hard_on_estimates=False),
        "openai reached its soft cap: 102.00 of 80.00 USD, 2.50 of it estimated in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent"
        "|its hard cap: 99.50 of 100.00 USD, not counting 2.50 estimated",
    ),
    (
        cap_event(EventType.MILESTONE, OK, OK, total="75.30", cap="100.00", percent=75),
        "openai has used 75 % of its hard cap: 75.30 of 100.00 USD in 2026-11",
        "",
    ),
    (
        forecast_event(),
        "openai is heading for its hard cap: 104.20 expected of 100.00 USD in 2026-11, about 2026-11-27",
        f"so far: 41.00 of 100.00 USD|{RANGE}|it rests on 56 full days",
    ),
    (
        forecast_event(SOFT, expected="80.00", estimated_usd="7.5", filled=2),
        "openai is heading for its soft cap: 80.00 expected of 80.00 USD in 2026-11, about 2026-11-27",
        f"so far: 41.00 of 80.00 USD, 7.50 of it estimated|{RANGE}"
        "|it rests on 56 full days; 2 days that were not read count as expected",
    ),
    (
        forecast_event(prev=SOFT, hit_on=None, tried=0, filled=1),
        "openai is heading for its hard cap: 104.20 expected of 100.00 USD in 2026-11",
        f"so far: 41.00 of 100.00 USD|{RANGE}|it rests on 56 full days; 1 day that was not read counts as expected"
        "; too few to try it on, so that the range is half to twice what is to come",
    ),
    (
        cap_event(EventType.TRIGGERED, arming=1),
        "openai: the hook is to act on the hard cap (arming 1): 100.40 of 100.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because more was spent",
    ),
    (
        cap_event(EventType.RELEASED, SOFT, HARD, Reason.CAP_RAISED, total="97", hard="150.00", cap="150.00", arming=2),
        "openai: the hook is to undo what it did at the hard cap (arming 2): 97.00 of 150.00 USD in 2026-11",
        "since 2026-11-10 11:05 UTC, because the cap was raised",
    ),
    (
        ingest_event(EventType.INGEST_FAILING),
        "the spend of openai default cannot be read",
        "since 2026-11-10 03:05 UTC: 3 runs failed in a row"
        "|what is spent there meanwhile is in no total, so no cap can see it",
    ),
    (
        ingest_event(EventType.INGEST_RECOVERED),
        "the spend of openai default is read again",
        "what was wrong since 2026-11-10 03:05 UTC: 3 runs failed in a row",
    ),
    (
        channel_event(EventType.CHANNEL_FAILING, "hook"),
        "alerts to the hard-cap hook do not get through",
        "since 2026-11-10 10:50 UTC: answered 404",
    ),
    (
        channel_event(EventType.CHANNEL_RECOVERED, "email"),
        "alerts to email get through again",
        "what was wrong since 2026-11-10 10:50 UTC: answered 404",
    ),
    (
        a_test("command"),
        "this is a test of the alerts, and nothing is wrong",
        "asked for on the command line at 2026-11-10 11:05 UTC",
    ),
    (
        a_test("api"),
        "this is a test of the alerts, and nothing is wrong",
        "asked for over the API at 2026-11-10 11:05 UTC",
    ),
]
OF_ALL = ("most: ", "then: ", "billed through: ")


@pytest.mark.parametrize(("event", "headline", "details"), WORDS, ids=lambda one: getattr(one, "type", ""))
def test_every_event_has_its_own_words(event, headline, details):
    said = line(event)
    assert said.headline == headline
    assert "|".join(one for one in said.details if not one.startswith(OF_ALL)) == details


def test_no_kind_of_event_is_without_words():
    assert {event.type for event, _, _ in WORDS} == set(EventType)


def test_the_details_end_with_what_it_was_spent_on_and_how_far_bills_go():
    through = {"openai": "2026-11-10", "anthropic": "2026-11-09", "vertex": None}
    assert line(cap_event(billed_through=through)).details[1:] == (
        "most: 61.20 USD on gpt-5.4, project Research (proj_a), key ana-notebook (key_a); 40.10 since yesterday",
        "then: 22.71 USD on gpt-5.4-mini, project proj_b; nothing since yesterday",
        "then: 9.10 USD for which no model, project or key is named",
        "billed through: anthropic 2026-11-09, openai 2026-11-10 (so far), vertex nothing yet",
    )


def test_a_name_that_is_its_own_id_is_said_once():
    said = line(cap_event(top=[TOP[0] | {"project_name": "proj_a", "api_key_name": "\x00"}]))
    assert said.details[1] == "most: 61.20 USD on gpt-5.4, project proj_a, key key_a; 40.10 since yesterday"


@pytest.mark.parametrize("reason", [Reason.LATE_DATA, Reason.PERIOD_ROLL])
def test_of_a_month_that_is_over_nothing_moved_lately(reason):
    assert not any("since yesterday" in one for one in line(cap_event(reason=reason)).details)


def test_doubts_are_said_each_and_beyond_five_counted():
    doubts = [f"openai number-{n}: last read 2026-11-10 03:05 UTC, 8 hours ago" for n in range(8)]
    said = [one for one in line(cap_event(complete=False, doubts=doubts)).details if not one.startswith(OF_ALL)]
    assert said[1] == "figures may be too low: openai number-0: last read 2026-11-10 03:05 UTC, 8 hours ago"
    assert said[-1] == "and 3 more"
    assert len(said) == 1 + 5 + 1


def test_a_millionth_below_the_cap_does_not_look_like_the_cap():
    said = line(cap_event(EventType.MILESTONE, SOFT, SOFT, total="99.999999", cap="100.00", percent=90))
    assert "99.999999 of 100.00 USD" in said.headline


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (cap_event(), Gravity.ALARM),
        (cap_event(EventType.REMINDER), Gravity.ALARM),
        (cap_event(EventType.TRIGGERED, arming=1), Gravity.ALARM),
        (cap_event(reason=Reason.LATE_DATA), Gravity.WARNING),
        (cap_event(level=SOFT, prev=OK), Gravity.WARNING),
        (cap_event(EventType.STEPPED_DOWN, SOFT, HARD), Gravity.WARNING),
        (ingest_event(EventType.INGEST_FAILING), Gravity.WARNING),
        (forecast_event(), Gravity.WARNING),
        (cap_event(EventType.PERIOD_RESET), Gravity.NOTE),
        (a_test(), Gravity.NOTE),
        (cap_event(EventType.RECOVERED, OK), Gravity.GOOD),
        (channel_event(EventType.CHANNEL_RECOVERED), Gravity.GOOD),
    ],
)
def test_only_a_hard_cap_that_is_reached_now_is_an_alarm(event, expected):
    assert gravity(event) is expected


def test_the_gravest_is_read_first_and_equals_keep_their_order():
    good, soft, hard = cap_event(EventType.RECOVERED, OK), cap_event(level=SOFT, scope="x"), cap_event()
    other = cap_event(level=SOFT, scope="y")
    assert gravest_first([good, soft, other, hard]) == [hard, soft, other, good]


def test_a_title_names_the_gravest_and_counts_the_others():
    events = [cap_event(level=SOFT, scope="global"), cap_event()]
    assert title(events, 200) == "openai reached its hard cap: 100.40 of 100.00 USD in 2026-11; 1 more below"
    assert title(events, 30) == "openai reached \N{HORIZONTAL ELLIPSIS}; 1 more below"


def test_what_never_got_through_is_listed_oldest_first_and_beyond_thirty_counted():
    events = [ingest_event(EventType.INGEST_FAILING, AT - timedelta(minutes=n)) for n in range(42)]
    lines = carried_lines(events)
    assert len(lines) == 31
    assert lines[0] == "2026-11-10 10:24 UTC the spend of openai default cannot be read"
    assert lines[29] == "2026-11-10 10:53 UTC the spend of openai default cannot be read"
    assert lines[30] == "and 12 more"
    assert carried_lines([]) == []


@steady
@given(st.text(max_size=300))
def test_an_untrusted_text_is_one_printable_line_of_at_most_200(text):
    shown = plain(text)
    assert len(shown) <= LONGEST
    assert shown.isprintable()
    assert shown == shown.strip()
    assert plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x07", "[31mred"),
        ("right\u202eto left", "rightto left"),
        ("half\ud800", "half"),
        ("gr\u00fc\u00dfe \U0001f600 \u65e5\u672c", "gr\u00fc\u00dfe \U0001f600 \u65e5\u672c"),
        ("n" * 201, "n" * 199 + "\N{HORIZONTAL ELLIPSIS}"),
        ("n" * 200, "n" * 200),
        (None, ""),
    ],
)
def test_control_characters_and_turned_writing_are_dropped_and_letters_kept(text, shown):
    assert plain(text) == shown


@pytest.mark.parametrize("field", ["project", "project_name", "api_key", "api_key_name", "model"])
def test_a_name_is_shown_without_what_it_smuggles(field):
    said = line(cap_event(top=[TOP[0] | {field: "evil\n\x1bname" + "n" * 300}]))
    (shown,) = (one for one in said.details if one.startswith("most: "))
    assert "evil name" + "n" * 190 + "\N{HORIZONTAL ELLIPSIS}" in shown
    assert shown.isprintable()
