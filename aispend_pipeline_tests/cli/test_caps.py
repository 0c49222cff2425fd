"""`aispend caps`: what the next evaluation will store, what people were told, and nothing that is not known."""

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ..caps.measuring import FIRST, NOW, TODAY, YESTERDAY, dollars, world_at
from ..caps.measuring import empty_store as empty_store
from ..caps.measuring import whole_month as whole_month
from ..service.world import StandingClock
from ..warehouse.building import line
from .conftest import KEY, Result, Shell, one_line, today, world
from .test_screen import on_terminal

CAPS = {"OPENAI_SOFT_CAP": "800", "OPENAI_HARD_CAP": "1200"}
BAR = re.compile(r" [#.]{10} ")
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def shell(whole_month, tmp_path) -> Shell:
    """A shell whose home has a month of which every day until NOW cost 100 USD, and whose caps are `CAPS`."""
    shell = Shell(tmp_path, {"OPENAI_API_KEY": KEY, **CAPS}, StandingClock(NOW))
    shutil.copytree(whole_month, shell.home)
    return shell


def rows(done: Result) -> dict[str, list[str]]:
    """The cells of each scope, by its name; the bar is one and its number another."""
    table = [re.split("  +|(?<=[#.]{10}) ", line.strip()) for line in done.out.splitlines() if BAR.search(line)]
    return {cells[0]: cells[1:] for cells in table}


def stored(home: Path) -> dict[tuple[str, str], tuple]:
    """What the ledger has of each scope and period, its level first."""
    with closing(sqlite3.connect(home / "state.sqlite")) as connection:
        found = connection.execute("SELECT scope, period, level, announced, total, since FROM cap_state").fetchall()
    return {(scope, period): rest for scope, period, *rest in found}


def test_a_cap_is_shown_with_how_much_of_it_is_used_and_what_moved_it(shell):
    done = shell.run("caps")

    assert (done.code, done.err) == (0, "")
    title, _, _, *beside = done.out.splitlines()
    assert title == "caps of 2026-11, 20 days left; figures as of 2026-11-10T12:05:00Z"
    assert rows(done) == {"openai": ["soft", "nothing", "########..", "83 %", "1,000.00", "800.00", "1,200.00"]}
    assert beside == [
        "expected of openai by 2026-11-30: 3,000.00 USD (2,000.00 to 5,000.00); reaches its hard cap about 2026-11-12",
        "most of openai: 1,000.00 USD on gpt-4o, project proj_1; 200.00 since yesterday",
        "billed through: openai 2026-11-10 (so far)",
        "openai: soft is not told yet; aispend up tells it, or run: aispend alerts dispatch",
        "no channel is configured, so nobody is told; set SLACK_WEBHOOK_URL, AISPEND_SMTP_URL or ALERT_EMAIL_WEBHOOK",
    ]


@pytest.mark.parametrize(
    ("soft", "hard", "reaches"),
    [
        ("2100", "2500", "; reaches its soft cap about 2026-11-21 and its hard cap about 2026-11-25"),
        ("2100", "3000.01", "; reaches its soft cap about 2026-11-21"),
        ("900", "3000.01", ""),
    ],
)
def test_when_a_cap_is_expected_to_be_reached_is_said_unless_it_is_or_will_not_be(shell, soft, hard, reaches):
    done = shell.run("caps", OPENAI_SOFT_CAP=soft, OPENAI_HARD_CAP=hard)

    line = f"expected of openai by 2026-11-30: 3,000.00 USD (2,000.00 to 5,000.00){reaches}"
    assert expected(done) == [line]
    assert rows(done)["openai"][4] == "1,000.00"


def test_each_scope_that_has_a_forecast_has_a_line_and_days_that_were_not_read_are_said(shell, empty_store):
    shutil.rmtree(shell.home)
    shutil.copytree(empty_store, shell.home)
    unread = (FIRST + timedelta(days=2), FIRST + timedelta(days=6))
    world_at(shell.home).read({day: of for day, of in dollars(FIRST, TODAY, "100.00").items() if day not in unread})

    done = shell.run("caps", OPENAI_SOFT_CAP="", OPENAI_HARD_CAP="9000", VERTEX_SOFT_CAP="5", GLOBAL_SOFT_CAP="9000")

    assert expected(done) == [
        f"expected of {scope} by 2026-11-30: 3,000.00 USD (1,900.00 to 5,200.00);"
        " 2 days that were not read count as expected"
        for scope in ("openai", "global")
    ]


def expected(done: Result) -> list[str]:
    """The lines of forecasts."""
    return [line for line in done.out.splitlines() if line.startswith("expected of ")]


def test_what_people_were_told_is_shown_with_its_time(shell):
    shell.run("alerts", "dispatch")
    shell.clock.instant += timedelta(minutes=7)

    done = shell.run("caps", SLACK_WEBHOOK_URL="http://127.0.0.1:9/x")

    assert rows(done)["openai"][:2] == ["soft", "soft 11-10 12:05"]
    assert "not told yet" not in done.out
    assert "no channel" not in done.out


@pytest.mark.parametrize(
    ("soft", "hard", "used", "shown"),
    [
        ("", "1000", "########## 100 %", "1,000.00 1,000.00"),
        ("", "1000.000001", "#########.  99 %", "1,000.00 1,000.000001"),
        ("500", "", "########## 200 %", "1,000.00 500.00"),
        ("", "1000000", "..........   0 %", "1,000.00 1,000,000.00"),
    ],
)
def test_full_is_only_what_is_reached_and_a_total_never_looks_to_have_reached_more(shell, soft, hard, used, shown):
    done = shell.run("caps", OPENAI_SOFT_CAP=soft, OPENAI_HARD_CAP=hard)

    (row,) = [line for line in done.out.splitlines() if BAR.search(line)]
    assert used in row
    assert row.partition("%")[2].split() == shown.split()


def test_the_total_is_exact_where_cents_would_look_like_the_cap(shell):
    world_at(shell.home).read({TODAY: [line("99.9999999")]}, NOW)

    done = shell.run("caps", OPENAI_HARD_CAP="1000")

    assert rows(done)["openai"] == ["soft", "nothing", "#########.", "99 %", "999.9999999", "800.00", "1,000.00"]


DECEMBER = datetime(2026, 12, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("caps", "at", "credits_at", "level"),
    [
        ({"OPENAI_HARD_CAP": "900"}, NOW, [], "hard"),
        ({"OPENAI_SOFT_CAP": "1100"}, NOW, [], "ok"),
        # a fall of more than half is not believed before it was read twice
        ({}, NOW, [NOW], "soft"),
        ({}, NOW + AN_HOUR, [NOW, NOW + AN_HOUR], "ok"),
        # figures that are out of date lower nothing, and a new month begins unknown
        ({}, NOW + 9 * AN_HOUR, [], "soft"),
        ({"OPENAI_SOFT_CAP": "1100"}, NOW + 9 * AN_HOUR, [], "soft"),
        ({"OPENAI_SOFT_CAP": ""}, NOW + 9 * AN_HOUR, [], "ok"),
        ({}, DECEMBER, [], "unknown"),
    ],
    ids=["lowered", "raised", "unconfirmed", "confirmed", "stale", "stale, raised", "stale, removed", "new month"],
)
def test_the_level_is_the_one_that_the_next_evaluation_stores(shell, caps, at, credits_at, level):
    shell.run("alerts", "dispatch")
    for read_at in credits_at:
        world_at(shell.home).read(dollars(FIRST, YESTERDAY, "40.00"), read_at)
    shell.clock.instant = at
    before = stored(shell.home)

    shown = shell.run("caps", **caps)

    assert stored(shell.home) == before
    shell.run("alerts", "dispatch", **caps)
    assert rows(shown)["openai"][0] == stored(shell.home)["openai", f"{at:%Y-%m}"][0] == level


def test_showing_caps_decides_nothing(shell):
    shell.run("caps")

    assert stored(shell.home) == {}


def test_a_step_down_that_is_held_back_is_said(shell):
    shell.run("alerts", "dispatch")
    shell.clock.instant += timedelta(minutes=30)

    done = shell.run("caps", OPENAI_SOFT_CAP="1100")

    assert rows(done)["openai"][:2] == ["ok", "soft 11-10 12:05"]
    assert "openai 1,000.00 of 1,100.00 soft: told soft 12:05, now ok, not told before 13:05" in done.out.splitlines()


def test_a_cap_that_cannot_be_measured_says_why_and_is_no_zero(shell):
    done = shell.run("caps", ANTHROPIC_HARD_CAP="50", GLOBAL_HARD_CAP="5000")

    assert done.code == 1
    assert rows(done)["anthropic"][:4] == ["unknown", "nothing", "..........", "?"]
    assert "unknown: anthropic: is not read; set its credentials, or remove the cap" in done.out.splitlines()
    assert rows(done)["anthropic"][4:] == ["not read", "50.00"]


def test_a_doubt_and_a_day_that_is_missing_are_each_a_line(shell):
    shell.clock.instant = NOW + timedelta(days=3)

    done = shell.run("caps", GLOBAL_HARD_CAP="5000")

    assert done.code == 1
    lines = done.out.splitlines()
    assert lines.count("doubtful: openai default: last read 2026-11-10 12:05 UTC, 3 days ago") == 1
    assert [line for line in lines if line.startswith("unknown: openai default: 2026-11-1")] != []


def test_without_a_cap_the_settings_are_named_and_nothing_is_made(tmp_path):
    shell = Shell(tmp_path)

    done = shell.run("caps")

    assert (done.code, done.err) == (0, "")
    assert one_line(done.out) == (
        "no cap is set; set OPENAI_SOFT_CAP or OPENAI_HARD_CAP, ANTHROPIC_SOFT_CAP or ANTHROPIC_HARD_CAP,"
        " VERTEX_SOFT_CAP or VERTEX_HARD_CAP, GLOBAL_SOFT_CAP or GLOBAL_HARD_CAP, to USD a month"
    )
    assert not shell.home.exists()


def test_before_anything_was_read_that_is_said(tmp_path):
    shell = Shell(tmp_path, CAPS)

    done = shell.run("caps")

    assert (done.code, done.out) == (1, "")
    assert one_line(done.err) == f"{shell.home}: nothing was read yet; run: aispend ingest"
    assert not shell.home.exists()


@pytest.fixture(scope="module")
def of_today(tmp_path_factory):
    """A shell whose home has this month as it is now, for a process of its own."""
    caps = {"OPENAI_SOFT_CAP": "0.01", "OPENAI_HARD_CAP": "12345678.90", "GLOBAL_SOFT_CAP": "100000000"}
    with world(tmp_path_factory.mktemp("caps") / "shell", **caps) as (shell, _):
        shell.fill(min(today().replace(day=1), today() - timedelta(days=1)), today())
        yield shell


@pytest.mark.long
@pytest.mark.parametrize("columns", [40, 100])
def test_on_a_terminal_every_number_is_whole(of_today, columns):
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", on_terminal(of_today, columns, "caps"))

    assert max(map(len, seen.splitlines())) <= columns
    for number in ("0.01", "12,345,678.90", "100,000,000.00"):
        assert re.search(rf"(?<![0-9,.]){re.escape(number)}(?![0-9,.])", seen), seen
    assert "\N{LIGHT SHADE}" * 10 in seen


@pytest.mark.long
def test_without_colour_the_bar_is_made_of_letters(of_today):
    seen = on_terminal(of_today, 100, "caps", NO_COLOR="1")

    assert "." * 10 in seen
    assert "\N{LIGHT SHADE}" not in seen
    assert f"caps of {today():%Y-%m}" in seen
