"""`aispend status` shows on a screen what `/status` says of caps and alerts."""

import pytest

from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.service.status import status
from aispend_pipeline.settings import Settings
from aispend_pipeline_tests.alerts.receivers import http_receiver
from aispend_pipeline_tests.alerts.receivers import status as answering
from aispend_pipeline_tests.cli.conftest import Shell

from .installation import SOFT, read_month
from .world import KEYS, StandingClock


@pytest.fixture
def shell(tmp_path) -> Shell:
    read_month(tmp_path / "home")
    return Shell(tmp_path, {"OPENAI_API_KEY": KEYS["default"]}, StandingClock())


def test_without_caps_and_channels_it_is_as_short_as_ever(shell):
    done = shell.run("status")

    assert (done.code, done.err) == (0, "")
    assert "channels" not in done.out
    assert "cap" not in done.out


def test_it_shows_every_cap_the_channels_and_what_waits(shell):

    with http_receiver(answering(404, b"no_such_hook")) as slack:
        shell.settings |= {**SOFT, "SLACK_WEBHOOK_URL": slack.url(), "ON_HARDCAP_WEBHOOK": slack.url("/hook")}
        notify(Settings.load(shell.environment({}), None), shell.clock)
        done = shell.run("status")

    lines = done.out.splitlines()
    assert (done.code, lines[0]) == (1, "degraded, as of 2026-06-12T13:20:00Z")
    assert any(line.startswith("  slack: failing; ") and "404" in line for line in lines)
    (cap,) = [line.split() for line in lines if line.strip().startswith("openai ")]
    assert cap == "openai 2026-06 soft 2026-06-12T13:20:00Z soft 2026-06-12T13:20:00Z 84.00 0.00 80.00 100.00".split()
    assert "channels: slack failing; email unconfigured; hook ok, unsigned" in lines
    assert "deliveries: 0 waiting, 1 given up" in lines


def test_a_cap_that_was_never_looked_at_says_what_to_run(shell):
    done = shell.run("status", **SOFT)

    assert done.code == 1
    assert "  the caps were never looked at; run: aispend up, or aispend alerts dispatch from cron" in done.out
    assert "unknown" in done.out


def test_it_says_what_is_wrong_in_the_order_of_the_answer(shell):
    (shell.home / "warehouse.duckdb").unlink()

    done = shell.run("status", **SOFT)

    settings = Settings.load(shell.environment(SOFT), None)
    body = status(settings, shell.clock.now())
    assert done.out.splitlines()[1 : len(body["reasons"]) + 1] == [f"  {reason}" for reason in body["reasons"]]
    assert (done.code, done.out.partition(",")[0], len(body["reasons"])) == (1, "failing", 4)
