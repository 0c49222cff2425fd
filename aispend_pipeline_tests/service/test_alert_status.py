"""`GET /status` says how every cap stands, what waits to be sent, and who can be told."""

from datetime import UTC, datetime

import pytest

from aispend_pipeline.alerts.by_hand import deliveries, drop
from aispend_pipeline.forecast.month_end import METHOD
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline_tests.alerts.receivers import HttpReceiver, http_receiver
from aispend_pipeline_tests.alerts.receivers import status as answering

from .installation import SOFT, TOTAL, Installation, copy_of, read_month, status_of
from .world import KEYS

NEVER = "the caps were never looked at; run: aispend up, or aispend alerts dispatch from cron"
CHANGED = (
    "cap of openai: unknown; its caps were changed since it was last looked at;"
    " run: aispend up, or aispend alerts dispatch from cron"
)
SECRET = "whsec_Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE="
HARD = {"OPENAI_SOFT_CAP": "80", "OPENAI_HARD_CAP": "84"}


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    return read_month(tmp_path_factory.mktemp("month") / "home")


@pytest.fixture(scope="module")
def told_month(month, tmp_path_factory):
    """The same after people in Slack were told of the soft cap."""
    with http_receiver() as receiver:
        made = copy_of(month, tmp_path_factory.mktemp("told") / "home")
        made.evaluate(**SOFT, SLACK_WEBHOOK_URL=receiver.url())
    return made.home


@pytest.fixture
def slack():
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def one(month, home, slack) -> Installation:
    """Seven dollars a day under a soft cap of 80, and people in Slack who are told of it."""
    made = copy_of(month, home)
    made.set |= {**SOFT, "SLACK_WEBHOOK_URL": slack.url()}
    return made


@pytest.fixture
def told(told_month, home, slack) -> Installation:
    """The same after an evaluation."""
    made = copy_of(told_month, home)
    made.set |= {**SOFT, "SLACK_WEBHOOK_URL": slack.url()}
    return made


def cap(body: dict, scope: str = "openai", period: str = "2026-06") -> dict:
    (found,) = [each for each in body["caps"] if (each["scope"], each["period"]) == (scope, period)]
    return found


def test_without_caps_and_channels_there_is_nothing_to_say_and_all_is_well(one):
    one.set.clear()

    body = one.status()

    assert (body["status"], body["caps"], body["incidents"], body["last_evaluation_at"]) == ("ok", [], [], None)
    assert body["outbox"] == {"pending": 0, "oldest_pending_seconds": None, "dead": 0}
    assert body["channels"] == dict.fromkeys(("slack", "email", "hook"), "unconfigured")
    assert (body["channel_errors"], body["hook_signed"]) == ([], None)
    assert not (one.home / "state.sqlite").exists()  # nothing is made for asking


def test_a_cap_that_nobody_ever_looked_at_is_unknown_and_it_is_said_what_to_run(one):
    body = one.status()

    assert (body["status"], body["reasons"]) == ("failing", [NEVER, "cap of openai: unknown; not looked at yet"])
    assert cap(body) == {
        "scope": "openai",
        "period": "2026-06",
        "level": "unknown",
        "announced": None,
        "announced_at": None,
        "since": None,
        "reason": None,
        "total_usd": TOTAL,
        "billed_usd": TOTAL,
        "estimated_usd": "0.00",
        "hard_on_estimates": True,
        "soft_usd": "80.00",
        "hard_usd": "100.00",
        "unpriced": [],
        "stale": False,
        "unconfirmed": False,
        "doubts": ["not looked at yet"],
        "armed": None,
        "billed_through": {"openai": "2026-06-12"},
        "basis": {},
        "forecast": {
            "expected_usd": "210.00",
            "low_usd": "147.00",
            "high_usd": "336.00",
            "soft_on": None,
            "hard_on": "2026-06-15",
            "filled_days": 0,
            "rests_on_days": 11,
            "method": METHOD,
        },
    }


@pytest.mark.parametrize(
    ("caps", "soft_on", "hard_on"),
    [
        (("85", "210"), "2026-06-13", "2026-06-30"),
        (("", "91.01"), None, "2026-06-14"),
        (("84", ""), None, None),
        (("84.01", "210.01"), "2026-06-13", None),
    ],
)
def test_when_each_cap_is_expected_to_be_reached_is_said_unless_it_is_or_will_not_be(one, caps, soft_on, hard_on):
    body = one.status(**dict(zip(SOFT, caps, strict=True)))

    assert (cap(body)["forecast"]["soft_on"], cap(body)["forecast"]["hard_on"]) == (soft_on, hard_on)
    assert cap(body)["total_usd"] == TOTAL  # a forecast is in no figure of what is spent


def test_a_cap_that_was_reached_and_told_is_shown_and_no_trouble_of_the_installation(told):
    told.later(minutes=10)

    body = told.status()

    assert (body["status"], body["last_evaluation_at"]) == ("ok", "2026-06-12T13:20:00Z")
    soft = cap(body)
    assert (soft["level"], soft["announced"], soft["reason"], soft["total_usd"]) == ("soft", "soft", "spend", TOTAL)
    assert soft["since"] == soft["announced_at"] == "2026-06-12T13:20:00Z"
    assert (soft["doubts"], soft["armed"]) == ([], None)
    assert body["channels"] == {"slack": "ok", "email": "unconfigured", "hook": "unconfigured"}
    assert body["outbox"] == {"pending": 0, "oldest_pending_seconds": None, "dead": 0}


@pytest.mark.parametrize(("secret", "signed"), [("", False), (SECRET, True)])
def test_a_hook_that_was_asked_to_act_is_shown_as_armed_and_whether_it_is_signed(one, slack, secret, signed):
    one.set |= {**HARD, "ON_HARDCAP_WEBHOOK": slack.url("/hook"), "AISPEND_HOOK_SECRET": secret}
    one.evaluate()

    body = one.status()

    assert (body["status"], cap(body)["level"], cap(body)["armed"]) == ("ok", "hard", 1)
    assert (body["channels"]["hook"], body["hook_signed"]) == ("ok", signed)


@pytest.mark.parametrize(("seconds", "word"), [(1799, "ok"), (1800, "failing"), (-301, "failing")])
def test_half_an_hour_without_an_evaluation_is_failing_and_so_is_one_in_the_future(told, seconds, word):
    told.later(seconds=seconds)

    body = told.status()

    assert body["status"] == word
    said = "the caps were last looked at 2026-06-12 13:20 UTC; run: aispend up, or aispend alerts dispatch from cron"
    assert body["reasons"] == ([] if word == "ok" else [said])
    without = told.status(OPENAI_SOFT_CAP="", OPENAI_HARD_CAP="")
    assert said not in without["reasons"]  # without caps nobody need look, but to tell that one is gone


def test_a_month_that_is_over_is_still_there_and_the_new_one_is_unknown_until_it_was_read(told):
    told.clock.instant = datetime(2026, 7, 1, 0, 5, tzinfo=UTC)
    told.evaluate()

    body = told.status()

    june, july = cap(body), cap(body, period="2026-07")
    assert june["forecast"] is None
    assert [each["period"] for each in body["caps"]] == ["2026-07", "2026-06"]
    assert (june["level"], june["announced"], june["total_usd"], june["hard_usd"]) == ("soft", "soft", TOTAL, "100.00")
    assert (july["level"], july["total_usd"], july["doubts"][0]) == (
        "unknown",
        None,
        "openai default: nothing of 2026-07 was read",
    )
    assert "cap of openai: unknown; openai default: nothing of 2026-07 was read" in body["reasons"]
    told.clock.instant = datetime(2026, 8, 1, 0, 5, tzinfo=UTC)
    august = told.status()
    assert [(each["period"], each["level"]) for each in august["caps"]] == [
        ("2026-08", "unknown"),
        ("2026-07", "unknown"),
    ]
    assert len([line for line in august["reasons"] if line.startswith("cap of")]) == 1  # what is over is over


def test_old_figures_are_doubts_and_the_level_is_held(told):
    told.later(hours=4)
    told.evaluate()

    body = told.status()

    assert (cap(body)["level"], cap(body)["stale"], body["status"]) == ("soft", True, "degraded")
    assert cap(body)["doubts"] == ["openai default: last read 2026-06-12 13:20 UTC, 4 hours ago"]
    (incident,) = body["incidents"]
    assert (incident["kind"], incident["subject"], incident["since"]) == (
        "ingest",
        "openai default",
        "2026-06-12T17:20:00Z",
    )
    assert f"openai default: {incident['detail']}" in body["reasons"]


def test_what_is_missing_is_said_before_what_is_old(one):
    one.later(days=3)

    lines = cap(one.status())["doubts"]

    assert lines[:3] == [
        "not looked at yet",
        "openai default: 2026-06-12 read only while it was running",
        "openai default: 2026-06-13..2026-06-14 not read",
    ]
    assert lines[3] == "openai default: last read 2026-06-12 13:20 UTC, 3 days ago"


def test_of_a_cap_that_was_changed_since_no_level_is_known_until_it_is_looked_at(told):
    body = told.status(OPENAI_HARD_CAP="84")

    new = cap(body)
    assert (new["level"], new["since"], new["reason"], new["announced"]) == ("unknown", None, None, "soft")
    assert (new["hard_usd"], new["total_usd"]) == ("84.00", TOTAL)
    assert new["doubts"] == ["its caps were changed since it was last looked at"]
    assert (body["status"], body["reasons"]) == ("degraded", [CHANGED])
    told.evaluate(OPENAI_HARD_CAP="84")
    assert cap(told.status(OPENAI_HARD_CAP="84"))["level"] == "hard"


def test_a_cap_that_was_removed_is_there_until_those_who_were_told_of_it_know(told):
    told.set |= {"OPENAI_SOFT_CAP": "", "OPENAI_HARD_CAP": ""}
    body = told.status()
    assert (cap(body)["level"], cap(body)["announced"], cap(body)["soft_usd"]) == ("unknown", "soft", None)
    assert body["reasons"] == [CHANGED]

    told.evaluate()
    body = told.status()
    assert (cap(body)["level"], cap(body)["announced"], body["reasons"]) == ("ok", "soft", [])

    told.later(hours=1).evaluate()
    assert told.status()["caps"] == []


def test_a_cap_that_was_removed_before_it_was_reached_is_gone_at_once(one):
    one.evaluate(OPENAI_SOFT_CAP="90")

    assert one.status(OPENAI_SOFT_CAP="", OPENAI_HARD_CAP="")["caps"] == []


def test_where_no_cap_and_no_channel_is_set_nobody_is_asked_to_look(told):
    body = told.status(OPENAI_SOFT_CAP="", OPENAI_HARD_CAP="", SLACK_WEBHOOK_URL="")

    assert (cap(body)["level"], cap(body)["announced"], body["status"]) == ("unknown", "soft", "ok")


def test_a_cap_without_anything_that_is_read_is_unknown(one):
    one.set |= {"VERTEX_HARD_CAP": "5"}
    assert cap(one.status(), "vertex")["total_usd"] is None
    one.evaluate()

    body = one.status()

    assert (cap(body, "vertex")["level"], cap(body, "vertex")["billed_through"]) == ("unknown", {"vertex": None})
    assert cap(body, "vertex")["forecast"] is None
    (reason,) = body["reasons"]
    assert reason.startswith("cap of vertex: unknown; vertex: is not read;")
    assert body["status"] == "degraded"


def test_caps_that_nobody_is_told_of_are_degraded_though_a_machine_is(one, slack):
    one.set |= {"SLACK_WEBHOOK_URL": "", "ON_HARDCAP_WEBHOOK": slack.url()}
    one.evaluate()

    body = one.status()

    assert (body["status"], cap(body)["announced"]) == ("degraded", "soft")
    (reason,) = body["reasons"]
    assert reason.startswith("caps are set, but nobody is told of them; set SLACK_WEBHOOK_URL")


def test_a_delivery_that_was_given_up_makes_its_channel_failing_until_it_carries_again(one, slack):
    slack.moods.append(answering(404, b"no_such_hook"))
    one.evaluate()

    body = one.status()

    assert (body["status"], body["channels"]["slack"], body["outbox"]["dead"]) == ("degraded", "failing", 1)
    (failed,) = body["channel_errors"]
    assert (failed["channel"], "404" in failed["error"]) == ("slack", True)
    assert body["reasons"] == ["deliveries given up: 1; see: aispend alerts list", f"slack: failing; {failed['error']}"]
    assert [(each["kind"], each["subject"]) for each in body["incidents"]] == [("channel", "slack")]
    assert one.status(SLACK_WEBHOOK_URL="")["channel_errors"] == []  # of a channel that is no more
    with state_of(one.home).transaction() as connection:
        drop(connection, deliveries(connection, 1)[0].message_id, one.clock.now())
    dropped = one.status()
    assert (dropped["outbox"]["dead"], dropped["channels"]["slack"]) == (0, "failing")


def test_what_matters_most_is_said_first(one, slack):
    slack.moods.append(answering(404, b"no_such_hook"))
    one.evaluate()
    one.later(hours=4)
    (one.home / "warehouse.duckdb").unlink()

    body = one.status(ENABLE_ANTHROPIC="1", ENABLE_OPENAI="1")

    begin = [reason.partition(": ")[0] for reason in body["reasons"]]
    assert begin == [
        f"{one.home}/warehouse.duckdb",  # nothing can be read any more
        "the caps were last looked at 2026-06-12 13:20 UTC; run",  # nobody watches
        "openai_costs default",  # figures are old
        "openai_usage default",
        "anthropic",  # or missing
        "deliveries given up",  # people are not told
        "slack",
    ]
    assert body["status"] == "failing"


def waiting(one: Installation, slack: HttpReceiver) -> None:
    slack.moods += [answering(503)]
    one.evaluate()


@pytest.mark.parametrize(("seconds", "said"), [(0, False), (600, False), (601, True)])
def test_a_delivery_that_waits_for_more_than_ten_minutes_is_said(one, slack, seconds, said):
    waiting(one, slack)
    one.later(seconds=seconds)

    body = one.status()

    assert body["outbox"] == {"pending": 1, "oldest_pending_seconds": seconds, "dead": 0}
    assert body["channels"]["slack"] == "failing"
    line = "deliveries that wait: 1, the oldest for 10 minutes; see: aispend alerts list"
    assert (line in body["reasons"]) is said


def test_a_clock_that_was_set_back_makes_no_delivery_younger_than_nothing(one, slack):
    waiting(one, slack)
    one.later(minutes=-2)

    assert one.status()["outbox"]["oldest_pending_seconds"] == 0


def test_a_mail_webhook_beside_a_mail_server_is_a_channel_of_its_own(one):
    mail = {"AISPEND_SMTP_URL": "smtp://localhost?to=a@x.org", "ALERT_EMAIL_WEBHOOK": "https://x.example/"}

    assert one.status(**mail)["channels"] == {
        "slack": "ok",
        "email": "ok",
        "email_webhook": "ok",
        "hook": "unconfigured",
    }


@pytest.mark.parametrize("kind", ["rubbish", "folder"])
def test_a_state_database_that_cannot_be_used_is_failing_and_the_rest_is_answered(one, kind):
    file = one.home / "state.sqlite"
    file.mkdir() if kind == "folder" else file.write_bytes(b"no database at all" * 1000)

    body = one.status()

    assert (body["status"], body["outbox"], body["last_evaluation_at"]) == ("failing", None, None)
    assert body["channels"] == {"slack": "unknown", "email": "unconfigured", "hook": "unconfigured"}
    assert f"{file}: cannot be used" in body["reasons"][0]
    assert NEVER not in body["reasons"]  # nobody can tell
    assert (cap(body)["level"], cap(body)["total_usd"]) == ("unknown", TOTAL)
    assert len(body["sources"]) == 2


def test_a_snapshot_that_cannot_be_read_leaves_what_was_told(told):
    (told.home / "CURRENT").write_text("rubbish")

    body = told.status()

    assert (body["status"], cap(body)["announced"], cap(body)["total_usd"]) == ("failing", "soft", TOTAL)
    assert len(cap(body)["doubts"]) == 1
    assert cap(body)["doubts"][0] == body["reasons"][0]
    assert body["outbox"]["pending"] == 0


def test_a_snapshot_that_breaks_while_it_is_read_is_no_reason_to_fall_over(one):
    (file,) = (one.home / "snapshots").glob("*.duckdb")
    whole = file.read_bytes()
    file.write_bytes(whole[:12288] + b"\xff" * (len(whole) - 12288))

    body = one.status()

    assert (body["status"], body["as_of"]) == ("failing", None)
    assert any("aispend recompute" in reason for reason in body["reasons"])


def test_caps_and_channels_are_those_of_now_and_the_last_good_ones_hold_while_a_setting_is_wrong(one, tmp_path):
    dotenv = tmp_path / "settings"
    own = {"AISPEND_HOME": str(one.home), "OPENAI_API_KEY": KEYS["default"]}
    one.set.clear()
    one.evaluate()

    with one.serving(lambda: Settings.load(own, dotenv)) as client:
        assert status_of(client)["caps"] == []
        dotenv.write_text("OPENAI_HARD_CAP=90\nSLACK_WEBHOOK_URL=https://x.example/\nAISPEND_HOME=elsewhere\n")
        added = status_of(client)
        dotenv.write_text("OPENAI_HARD_CAP=ninety\n")
        wrong = status_of(client)
        dotenv.write_text("OPENAI_HARD_CAP=95\n")
        mended = status_of(client)

    assert (cap(added)["hard_usd"], added["channels"]["slack"]) == ("90.00", "ok")
    assert (cap(wrong)["hard_usd"], wrong["channels"]["slack"], wrong["status"]) == ("90.00", "ok", "degraded")
    assert wrong["reasons"][0].startswith("OPENAI_HARD_CAP: 'ninety' is not a plain amount")
    assert (cap(mended)["hard_usd"], mended["channels"]["slack"]) == ("95.00", "unconfigured")


def test_it_is_answered_while_somebody_else_writes_to_the_state_database(told):
    before = told.status()  # whoever comes first sees to it that the tables are there
    with state_of(told.home).transaction():
        assert told.status() == before
