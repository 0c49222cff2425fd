"""What `spend` prints: on a terminal of any width, into a pipe, into a file."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served

from ..service.world import fill
from .conftest import KEY, Shell, ago, world

DAYS = Window(ago(3), ago(1))
ASKED = ("spend", "--from", str(DAYS.first), "--to", str(DAYS.last))
BOX = re.compile("[\u2500-\u257f]")


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    """A shell whose home has three days of a simulated organisation."""
    shell = Shell(tmp_path_factory.mktemp("shell"), {"OPENAI_API_KEY": KEY})
    clock = SystemClock()
    with served(openai({KEY: "default"}, clock)) as base:
        made = Settings.load(
            {"AISPEND_HOME": str(shell.home), "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{base}/v1"}, dotenv=None
        )
        fill(made, clock, DAYS)
        yield shell


def on_terminal(shell: Shell, columns: int, *arguments: str, **more: str) -> str:
    """What a terminal of that width gets to see of the command, which ends well."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**shell.environment(more), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "aispend"), *arguments],
        env=environment,
        cwd=shell.folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = bytearray()
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
        assert process.wait(30) == 0
    return seen.decode().replace("\r\n", "\n")


def exact(shell: Shell, group_by: str = "provider,model") -> dict:
    return json.loads(shell.run(*ASKED, "--group-by", group_by, "--format", "json").out)


def dollars(answer: dict) -> set[str]:
    """Every amount as a person reads it."""
    usd = [row["cost_usd"] for row in answer["rows"]] + [answer["total_usd"]]
    return {f"{Decimal(exact):,.2f}" for exact in usd if exact is not None}


def numbers(answer: dict) -> set[str]:
    """The same, and the counts."""
    shown = dollars(answer)
    for row in answer["rows"]:
        shown |= {f"{row[name]:,}" for name in ("input_tokens", "output_tokens") if row[name] is not None}
    return shown


def test_json_is_the_service_s_answer_with_exact_decimals(shell):
    done = shell.run(*ASKED, "--format", "json", "--group-by", "day")

    assert (done.code, done.err) == (0, "")
    answer = json.loads(done.out)
    assert [row["day"] for row in answer["rows"]] == [str(DAYS.first + timedelta(days=n)) for n in range(3)]
    assert sum(Decimal(row["cost_usd"]) for row in answer["rows"]) == Decimal(answer["total_usd"]) > 1000
    assert len(answer["total_usd"].partition(".")[2]) > 6


def test_csv_has_the_same_exact_decimals(shell):
    done = shell.run(*ASKED, "--format", "csv", "--group-by", "day,model")

    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    answer = exact(shell, "day,model")
    assert (done.code, done.err.partition(":")[0]) == (0, "may still change")
    assert [(row["day"], row["model"] or None, row["cost_usd"] or None) for row in rows] == [
        (row["day"], row["model"], row["cost_usd"]) for row in answer["rows"]
    ]
    assert {row["cost_usd"] for row in rows if row["model"] == "omni-moderation-latest"} == {""}
    assert list(rows[0])[:3] == ["day", "model", "cost_usd"]
    assert [row["input_tokens"] for row in rows] == [
        "" if row["input_tokens"] is None else str(row["input_tokens"]) for row in answer["rows"]
    ]


def test_into_a_pipe_the_table_has_no_lines_no_escapes_and_no_cut(shell):
    done = shell.run(*ASKED, "--group-by", "day,provider,account,model", COLUMNS="40")

    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert "…" not in done.out
    assert not BOX.search(done.out)
    for number in numbers(exact(shell, "day,provider,account,model")):
        assert number in done.out


def plain(seen: str) -> str:
    """Without escape codes."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.long
def test_on_a_terminal_of_any_width_dollars_are_whole_and_counts_are_whole_or_named(shell, columns):
    seen = plain(on_terminal(shell, columns, *ASKED, "--group-by", "provider,model"))

    answer = exact(shell)
    assert max(map(len, seen.splitlines())) <= columns
    left_out = re.search(r"^not shown in \d+ columns: ([\w, \n]+)", seen, re.MULTILINE)
    assert (left_out is None) == (columns == 200)
    for number in numbers(answer) if columns == 200 else dollars(answer):
        assert re.search(rf"(?<![0-9,.]){re.escape(number)}(?![0-9,.])", seen), f"{number}\n{seen}"


@pytest.mark.long
def test_by_day_a_missing_day_is_there_and_looks_missing(shell):
    unread = DAYS.first - timedelta(days=1)
    asked = ("spend", "--from", str(unread), "--to", str(DAYS.last + timedelta(days=1)))

    by_day = plain(on_terminal(shell, 80, *asked, "--group-by", "day", LC_ALL="C.UTF-8"))
    letters = plain(on_terminal(shell, 80, *asked, "--group-by", "day", PYTHONIOENCODING="ascii"))

    (missing,) = [line for line in by_day.splitlines() if line.startswith(f"{unread} ")]
    assert missing.split() == [str(unread), "not", "read", "\N{MULTIPLICATION SIGN}", "not", "read"]
    assert letters.isascii()
    assert re.search(rf"^{unread} +\| *not read", letters, re.MULTILINE)


@pytest.mark.long
def test_a_week_of_a_group_is_a_row_of_marks_with_a_legend(shell):
    first = DAYS.first - timedelta(days=5)

    seen = plain(on_terminal(shell, 80, "spend", "--from", str(first), "--group-by", "provider", LC_ALL="C.UTF-8"))

    (openai,) = [line for line in seen.splitlines() if line.startswith("openai ")]
    assert re.fullmatch(r"\N{MULTIPLICATION SIGN}{5}[▁▂▃▄▅▆▇█⣀⣤⣶⣿]{3}\N{MULTIPLICATION SIGN}", openai.split()[-1])
    assert f"{first:%m-%d}..{ago(0):%m-%d} (running): " in seen
    assert "\N{MULTIPLICATION SIGN} not read" in seen


@pytest.mark.long
def test_on_a_terminal_ingest_and_recompute_say_how_far_they_are_and_elsewhere_nothing(tmp_path):
    with world(tmp_path / "shell") as (shell, _):
        seen = plain(on_terminal(shell, 80, "ingest", "--from", str(ago(2))))
        again = plain(on_terminal(shell, 80, "recompute", "--from", str(ago(2))))
        piped = shell.run_apart("ingest", "--from", str(ago(2)))

    assert re.search(r"fetch openai \S+: \d+ of about \d+ pages", seen)
    assert re.search(r"adding up \S+: 0 of 3 days", again)
    assert (piped.code, piped.err) == (0, "")
    assert "of about" not in piped.out


def test_no_color_means_no_escape_codes(shell):
    seen = on_terminal(shell, 140, *ASKED, "--group-by", "model", NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", seen)
    assert "gpt-5.3-codex" in seen


def test_status_fits_a_narrow_terminal_with_numbers_whole(shell):
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", on_terminal(shell, 40, "status"))

    assert "…" not in seen
    assert max(map(len, seen.splitlines())) <= 40


def test_a_reader_that_goes_away_is_no_reason_to_complain(shell):
    process = shell.start(*ASKED, "--format", "csv", "--group-by", "day,model")
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == ""
    process.wait(30)


def test_numbers_of_thousands_are_set_apart_and_small_ones_are_not_shown_as_nothing(shell):
    table = shell.run(*ASKED, "--group-by", "model").out

    assert re.search(r"gpt-5\.3-codex +[0-9],[0-9]{3}\.[0-9]{2} ", table)
    assert re.search(r"^ total +[0-9]+,[0-9]{3}\.[0-9]{2}", table, re.MULTILINE)
    assert "unknown" in table
