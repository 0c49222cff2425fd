"""`aispend alerts`: what was said and sent, seen and handled by a person, with real receivers on loopback."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ..alerts.receivers import HttpReceiver, http_receiver, status
from ..caps.measuring import NOW
from ..caps.measuring import empty_store as empty_store
from ..caps.measuring import whole_month as whole_month
from ..service.world import StandingClock
from .conftest import KEY, Shell, one_line

SECRET = "T0-B0-secret"
REACHED = "openai reached its hard cap: 1,000.00 of 900.00 USD in 2026-11"


@pytest.fixture
def quiet(whole_month, tmp_path) -> Shell:
    """A shell whose home has a month above its hard cap, and no channel."""
    shell = Shell(tmp_path, {"OPENAI_API_KEY": KEY, "OPENAI_HARD_CAP": "900"}, StandingClock(NOW))
    shutil.copytree(whole_month, shell.home)
    return shell


@pytest.fixture
def slack() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def shell(quiet, slack) -> Shell:
    """The same with Slack."""
    quiet.settings["SLACK_WEBHOOK_URL"] = slack.url(f"/{SECRET}")
    return quiet


def message_id(shell: Shell) -> str:
    """The id of the only message that is listed."""
    (found,) = re.findall(r"msg_[a-z2-7]{26}", shell.run("alerts", "list").out)
    return found


def test_dispatch_says_what_it_said_and_sent_and_the_next_one_that_there_is_nothing_new(shell, slack):
    done = shell.run("alerts", "dispatch")
    again = shell.run("alerts", "dispatch")

    assert (done.code, done.err) == (0, "")
    breached, triggered, sent = done.out.splitlines()
    assert re.fullmatch(re.escape(REACHED) + r" \(cap\.breached, evt_[a-z2-7]{26}\)", breached)
    assert re.fullmatch(r"openai: the hook is to act .* \(hardcap\.triggered, evt_[a-z2-7]{26}\)", triggered)
    assert re.fullmatch(r"slack msg_[a-z2-7]{26}: attempt 1: delivered", sent)
    assert (again.code, again.out) == (0, "nothing new to say, and nothing was due\n")
    assert len(slack.received) == 1


def test_the_list_has_what_was_said_to_whom_and_what_became_of_it(shell):
    shell.run("alerts", "dispatch")

    done = shell.run("alerts", "list")

    assert (done.code, done.err) == (0, "")
    head, subject = done.out.splitlines()
    assert re.fullmatch(r"2026-11-10 12:05 UTC  msg_\w+  slack  delivered  after 1 attempt", head)
    assert subject == f"  {REACHED}"


def test_without_a_channel_events_are_kept_and_seen_and_nobody_is_said_to_know(quiet):
    done = quiet.run("alerts", "dispatch")
    listed = quiet.run("alerts", "list")
    again = quiet.run("alerts", "dispatch")

    assert (done.code, listed.code, again.code) == (0, 0, 0)
    assert done.out.splitlines()[-1] == (
        "no channel is configured, so nobody was told; set SLACK_WEBHOOK_URL, AISPEND_SMTP_URL or ALERT_EMAIL_WEBHOOK"
    )
    assert listed.out.splitlines()[:2] == [
        "nothing was sent yet",
        "events that nobody was told of, since there was no channel:",
    ]
    assert re.findall(r"evt_\w+  (\S+)", listed.out) == ["hardcap.triggered", "cap.breached"]
    assert f"  {REACHED}" in listed.out.splitlines()
    assert again.out == "nothing new to say, and nothing was due\n"


def test_a_failure_is_said_once_is_tried_again_and_is_then_delivered_under_the_same_id(shell, slack):
    slack.moods.append(status(500))

    failed = shell.run("alerts", "dispatch")
    listed = shell.run("alerts", "list")
    early = shell.run("alerts", "dispatch")
    shell.clock.instant += timedelta(minutes=1)
    later = shell.run("alerts", "dispatch")

    assert (failed.code, early.code, later.code) == (1, 1, 0)
    said, waits = failed.out.splitlines()[-2:]
    assert re.fullmatch(
        r"slack msg_\w+: attempt 1 failed, and is made again: http://127\.0\.0\.1:\d+ answered 500: no", said
    )
    assert re.fullmatch(r"1 waits to be sent, the next at 2026-11-10 12:05:0[4-6] UTC", waits)
    assert "pending  after 1 attempt, next at 2026-11-10 12:05:0" in listed.out
    assert "  last error: " in listed.out
    assert early.out.splitlines() == ["nothing new to say, and nothing was due", waits]
    assert later.out.splitlines()[-1] == f"slack {message_id(shell)}: attempt 2: delivered"
    assert {one.headers["aispend-id"] for one in slack.received} == {message_id(shell)}


def test_what_was_given_up_is_tried_again_when_a_person_says_so(shell, slack):
    slack.moods.append(status(404))
    dead = shell.run("alerts", "dispatch")
    given_up = message_id(shell)

    retried = shell.run("alerts", "retry", given_up)
    sent = shell.run("alerts", "dispatch")

    assert dead.code == 1
    assert "attempt 1 failed, and no other is made: " in dead.out
    assert (retried.code, retried.out) == (
        0,
        f"{given_up} slack: is sent again by aispend up, or now with: aispend alerts dispatch\n",
    )
    assert f"slack {given_up}: attempt 2: delivered" in sent.out.splitlines()
    assert [one.headers["aispend-id"] for one in slack.received[:2]] == [given_up] * 2


def test_what_was_given_up_can_be_dropped(shell, slack):
    slack.moods.append(status(404))
    shell.run("alerts", "dispatch")

    dropped = shell.run("alerts", "drop", message_id(shell))

    assert (dropped.code, dropped.out) == (0, f"{message_id(shell)} slack: dropped\n")
    assert "  dropped  " in shell.run("alerts", "list", "--status", "dropped").out
    assert shell.run("alerts", "list", "--status", "dead").out == "no delivery is dead\n"


def test_who_drops_a_release_hears_that_the_machine_still_takes_the_cap_for_reached(quiet, slack):
    hook = {"ON_HARDCAP_WEBHOOK": slack.url()}
    quiet.run("alerts", "dispatch", **hook)
    slack.moods.append(status(410))
    quiet.run("alerts", "dispatch", **{**hook, "OPENAI_HARD_CAP": ""})
    [given_up] = re.findall(r"evt_\w+", quiet.run("alerts", "list", "--status", "dead").out)

    dropped = quiet.run("alerts", "drop", given_up)

    assert dropped.out.splitlines() == [
        f"{given_up} hook: dropped",
        "whoever had hardcap.triggered was not told that it is over; undo by hand what it did",
    ]


def test_the_newest_twenty_are_listed_or_all(shell):
    for _ in range(21):
        shell.run("alerts", "test")

    newest, everything = (shell.run("alerts", "list", *more).out for more in ((), ("--all",)))

    assert newest.count("delivered") == 20
    assert everything.count("delivered") == 21
    assert everything.startswith(newest)


class TestATest:
    def test_it_is_sent_through_every_channel_but_the_hook(self, shell, slack):
        with http_receiver() as mail, http_receiver() as hook:
            addresses = {"ALERT_EMAIL_WEBHOOK": mail.url(), "ON_HARDCAP_WEBHOOK": hook.url()}
            done = shell.run("alerts", "test", **addresses)
            assert [len(one.received) for one in (slack, mail, hook)] == [1, 1, 0]
            with_hook = shell.run("alerts", "test", "--hook", **addresses)
            assert [len(one.received) for one in (slack, mail, hook)] == [2, 2, 1]

        assert (done.code, done.out.splitlines()) == (0, ["slack: delivered", "email: delivered"])
        assert with_hook.out.splitlines() == ["slack: delivered", "email: delivered", "hook: delivered"]

    def test_one_that_fails_says_when_it_is_tried_again(self, shell, slack):
        slack.close()

        done = shell.run("alerts", "test")

        assert done.code == 1
        assert re.fullmatch(
            r"slack: not delivered: http://127\.0\.0\.1:\d+: it cannot be connected to;"
            r" aispend up tries it again at 2026-11-10 12:05:0[4-6] UTC",
            one_line(done.out),
        )

    def test_one_that_is_refused_is_not_tried_again(self, shell, slack):
        slack.moods.append(status(403))

        done = shell.run("alerts", "test")

        assert done.code == 1
        assert re.fullmatch(r"slack: dead: http://127\.0\.0\.1:\d+ answered 403: no", one_line(done.out))

    @pytest.mark.parametrize("more", [{}, {"ON_HARDCAP_WEBHOOK": "http://127.0.0.1:9/hook"}])
    def test_without_a_channel_that_may_be_tested_it_is_wrong_use(self, quiet, more):
        done = quiet.run("alerts", "test", **more)

        assert (done.code, done.out) == (2, "")
        assert one_line(done.err).startswith("no channel is configured; set SLACK_WEBHOOK_URL, ")
        assert ("--hook" in done.err) == bool(more)


class TestWhy:
    @pytest.fixture
    def breached(self, shell) -> str:
        return re.search(r"cap\.breached, (evt_\w+)", shell.run("alerts", "dispatch").out)[1]

    def test_it_has_the_words_and_every_input(self, shell, breached):
        done = shell.run("alerts", "why", breached)

        assert (done.code, done.err) == (0, "")
        assert not re.search(" $", done.out, re.MULTILINE)
        lines = [re.sub("  +", "  ", line.strip()) for line in done.out.splitlines()]
        assert lines[0] == REACHED
        assert "billed through: openai 2026-11-10 (so far)" in lines
        assert {
            f"event  {breached}",
            "type  cap.breached",
            "of  openai in 2026-11",
            "level  hard, where people knew of ok",
            "reason  spend",
            "total usd  1000.00",
            "soft usd  none",
            "hard usd  900.00",
            "complete  yes",
            "doubts  none",
            "data through  openai 2026-11-10T12:05:00Z",
            "timing  debounce seconds 3600.0, remind hard seconds 86400.0, hook hold seconds 21600.0",
            "before  level unknown, announced ok, total usd 0.00, estimated usd 0.00, hard usd 900.00, read seq 0",
        } <= set(lines)

    def test_of_a_forecast_it_has_what_was_expected_and_does_not_say_that_it_was_reached(self, shell):
        asked = {"OPENAI_HARD_CAP": "2500", "AISPEND_FORECAST_ALERTS": "true"}
        told = re.search(r"forecast\.breach, (evt_\w+)", shell.run("alerts", "dispatch", **asked).out)[1]

        done = shell.run("alerts", "why", told)

        lines = [re.sub("  +", "  ", line.strip()) for line in done.out.splitlines()]
        assert lines[0] == (
            "openai is heading for its hard cap: 3,000.00 expected of 2,500.00 USD in 2026-11, about 2026-11-25"
        )
        assert lines[1] == "so far: 1,000.00 of 2,500.00 USD"
        assert {
            "type  forecast.breach",
            "cap  hard",
            "total usd  1000.00",
            "forecast  expected usd 3000.00, low usd 2000.00, high usd 5000.00, hit on 2026-11-25, filled days 0,"
            " rests on days 9, tried on days 0",
        } <= set(lines)
        assert not any(line.startswith("level") for line in lines)

    def test_of_a_message_it_has_every_event_and_what_became_of_the_message(self, shell, breached):
        done = shell.run("alerts", "why", message_id(shell))

        assert done.code == 0
        assert re.findall(r"^  event +(\w+)$", done.out, re.MULTILINE) == [breached]
        assert done.out.splitlines()[-1] == "slack: delivered, 1 attempt"

    def test_of_a_test_it_says_who_asked(self, shell):
        shell.run("alerts", "test")

        done = shell.run("alerts", "why", message_id(shell))

        assert "asked for on the command line at 2026-11-10 12:05 UTC" in done.out
        assert re.search(r"^  by +command$", done.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("why", "nothing: is the id of no event and no message; aispend alerts list shows what there is"),
        ("retry", "nothing: is the id of no message; aispend alerts list shows what there is"),
        ("drop", "nothing: is the id of no message; aispend alerts list shows what there is"),
    ],
)
def test_an_id_that_is_none_is_wrong_use(quiet, command, said):
    done = quiet.run("alerts", command, "nothing")

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == said


def test_a_status_that_there_is_not_is_wrong_use(quiet):
    done = quiet.run("alerts", "list", "--status", "sent")

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == ("--status 'sent' is none of pending, delivered, dead, superseded, cancelled, dropped")


@pytest.mark.parametrize("command", ["test", "dispatch"])
def test_a_demos_spend_is_told_to_nobody(shell, slack, command):
    (shell.home / "this-is-a-demo").touch()

    done = shell.run("alerts", command)

    assert (done.code, done.out) == (2, "")
    assert "holds a demo's simulated bill" in one_line(done.err)
    assert slack.received == []


def test_a_hook_that_is_not_there_is_not_tested_and_nothing_is_sent(shell, slack):
    done = shell.run("alerts", "test", "--hook", ON_HARDCAP_WEBHOOK="")

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == ("--hook: no hard-cap webhook is set; set ON_HARDCAP_WEBHOOK, or leave --hook out")
    assert slack.received == []


def test_no_address_is_printed_or_kept(shell, slack):
    slack.moods += [status(500, SECRET.encode()), status(404, SECRET.encode())]
    said = [shell.run("alerts", "dispatch"), shell.run("alerts", "test"), shell.run("alerts", "list", "--all")]
    said += [shell.run("alerts", "why", found) for found in re.findall(r"msg_\w+", said[-1].out)]
    said += [shell.run("caps"), shell.run("config"), shell.run("status")]

    assert all(one.out for one in said)
    assert SECRET not in "".join(one.out + one.err for one in said)
    for file in shell.home.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
