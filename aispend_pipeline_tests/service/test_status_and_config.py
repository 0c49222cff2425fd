"""`GET /status`, `/config`, `/healthz`: the truth about the figures, and no secret."""

from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from aispend_pipeline import __version__
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.status import status
from aispend_pipeline.service.status_example import STATUS
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served
from aispend_pipeline.tick import due_now
from aispend_pipeline.warehouse import Warehouse

from ..warehouse.building import corrupt
from .contract import hold_status
from .installation import documented
from .world import DAYS, KEYS, NOTHING_ELSE, NOW, StandingClock, bucket, days_asked, fill, page, settings


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def base(clock):
    with served(openai({KEYS["default"]: "default"}, clock)) as address:
        yield address


def one_account(home, base: str, **more: str) -> Settings:
    return Settings.load(
        {"AISPEND_HOME": str(home), "OPENAI_API_KEY": KEYS["default"], "OPENAI_BASE_URL": f"{base}/v1", **more},
        dotenv=None,
    )


def status_of(made: Settings, clock: StandingClock) -> dict:
    answer = TestClient(create_app(made, clock)).get("/status")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def test_all_is_well_after_a_whole_ingest(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)

    body = status_of(made, clock)

    assert (body["status"], body["reasons"], body["version"]) == ("ok", [], __version__)
    assert body["as_of"] == "2026-06-12T13:20:00Z"
    feed, usage = body["sources"]
    assert (feed["source"], feed["account"], feed["provider"]) == ("openai_costs", "default", "openai")
    assert (usage["source"], usage["coverage"]) == ("openai_usage", feed["coverage"])
    assert (feed["last_ingest"]["state"], feed["last_ingest"]["error"]) == ("complete", None)
    assert feed["last_complete_at"] == feed["last_ingest"]["at"] == "2026-06-12T13:20:00Z"
    assert (feed["stale"], feed["consecutive_failures"], feed["quarantined"], feed["restatements"]) == (False, 0, 0, 0)
    assert feed["coverage"] == {
        "first_day": "2026-06-08",
        "last_day": "2026-06-12",
        "complete": 5,
        "partial": 0,
        "failed": 0,
        "not_due": 0,
        "open": 1,
        "provisional": 2,
        "settled": 2,
    }


@pytest.mark.parametrize(("seconds", "stale"), [(10800, False), (10801, True)])
def test_old_figures_are_called_stale_beyond_the_limit(tmp_path, base, clock, seconds, stale):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)
    clock.instant = NOW + timedelta(seconds=seconds)

    body = status_of(made, clock)

    assert body["sources"][0]["stale"] is stale
    assert body["status"] == ("degraded" if stale else "ok")
    sources = ("openai_costs", "openai_usage") if stale else ()
    assert body["reasons"] == [
        f"{name} default: stale, last read completely at 2026-06-12 13:20 UTC" for name in sources
    ]


def test_a_failed_fetch_is_told_with_its_reason_and_not_with_the_key(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)

    async def refused(request):
        key = request.headers["authorization"].removeprefix("Bearer ")
        return JSONResponse({"error": {"message": f"Incorrect API key provided: {key}.", "code": "x"}}, 401)

    with served(Starlette(routes=[Route("/{path:path}", refused)])) as bad:
        fill(one_account(made.home, bad), clock)
    body = status_of(made, clock)

    assert body["status"] == "failing"
    assert len(body["sources"]) == 2
    for feed in body["sources"]:
        assert feed["last_ingest"]["error_class"] == "unauthorized"
        assert "OPENAI_API_KEY" in feed["last_ingest"]["error"]
        assert feed["consecutive_failures"] == 1  # of the newest day
        assert feed["coverage"]["complete"] == 5  # what was read before still stands
    assert KEYS["default"] not in str(body)


@pytest.mark.long
def test_an_outage_of_days_counts_as_many_failures_as_there_were_hours_that_asked(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)
    gone = one_account(made.home, base, OPENAI_API_KEY="sk-admin-not-known")
    clock.instant += timedelta(days=5)

    for hour in range(2):
        clock.instant += timedelta(hours=1)
        for which, due in enumerate(due_now(gone, clock.now())):
            fill(gone, clock, due.window, run_id=f"{hour}-{which}")

    body = status_of(made, clock)
    assert which > 0  # besides the look-back an hour asks for the older days that lack
    assert [feed["consecutive_failures"] for feed in body["sources"]] == [2, 2]


def test_one_account_that_fails_is_degraded_and_not_failing(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base, OPENAI_API_KEY__EU="sk-admin-not-known")
    fill(made, clock)

    body = status_of(made, clock)

    assert body["status"] == "degraded"
    assert [(feed["source"], feed["account"], feed["last_ingest"]["state"]) for feed in body["sources"]] == [
        ("openai_costs", "default", "complete"),
        ("openai_costs", "eu", "failed"),
        ("openai_usage", "default", "complete"),
        ("openai_usage", "eu", "failed"),
    ]
    assert body["sources"][1]["last_complete_at"] is None
    for source in ("openai_costs", "openai_usage"):
        assert any(f"{source} eu" in reason and "OPENAI_API_KEY__EU" in reason for reason in body["reasons"])
    assert any("eu: 5 days could never be read" in reason for reason in body["reasons"])


@pytest.mark.long
def test_two_keys_of_one_organisation_are_said_since_it_is_counted_twice(tmp_path, clock):
    with served(openai({KEYS["default"]: "default", KEYS["eu"]: "default"}, clock)) as base:
        made = one_account(tmp_path / "home", base, OPENAI_API_KEY__EU=KEYS["eu"])
        fill(made, clock)

    body = status_of(made, clock)

    assert body["status"] == "degraded"
    assert body["reasons"] == [
        "openai_costs: default and eu are given the same lines, and counted twice; remove one of the two keys"
    ]


def test_days_whose_control_cannot_be_read_are_said(tmp_path, clock):
    async def costs(request):
        amount = "1.00" if "line_item" in str(request.url) else "oops"
        buckets = [bucket(day, (amount, "gpt-4o, input")) for day in days_asked(request)]
        return Response(page(*buckets), media_type="application/json")

    with served(Starlette(routes=[Route("/v1/organization/costs", costs), *NOTHING_ELSE])) as base:
        made = one_account(tmp_path / "home", base)
        fill(made, clock, Window(NOW.date() - timedelta(days=2), NOW.date() - timedelta(days=1)))

    body = status_of(made, clock)

    assert body["reasons"] == ["openai_costs default: 2 days could not be held against the provider's own sum"]
    assert body["sources"][0]["coverage"]["complete"] == 2


def test_a_feed_that_was_never_read_is_listed_and_said(tmp_path, clock):
    made = settings(tmp_path / "home", "http://127.0.0.1:1")
    Warehouse(made.home, clock).publish()

    body = status_of(made, clock)

    assert body["status"] == "degraded"
    feeds = [(source, account) for source in ("openai_costs", "openai_usage") for account in KEYS]
    assert [(feed["source"], feed["account"]) for feed in body["sources"]] == feeds
    assert [(feed["last_ingest"], feed["stale"]) for feed in body["sources"]] == [(None, True)] * len(feeds)
    assert body["reasons"] == [f"{source} {account}: was never read; run: aispend ingest" for source, account in feeds]


def test_without_a_snapshot_it_still_answers_and_does_not_say_ok(tmp_path, clock):
    body = status_of(settings(tmp_path / "home", "http://127.0.0.1:1"), clock)

    assert (body["status"], body["as_of"], body["sources"]) == ("failing", None, [])
    assert any("run: aispend ingest" in reason for reason in body["reasons"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "[]",
        "{}",
        "null",
        '{"file": "x"}',
        "\x00\x01",
        '{"file":"gone.duckdb","seq":1,"at":"x","schema_version":1,"store_id":"y"}',
        '{"file":7,"seq":1,"at":"x","schema_version":1,"store_id":"y"}',
        '{"file":"gone.duckdb","seq":1,"at":"x","schema_version":"one","store_id":"y"}',
    ],
    ids=repr,
)
def test_a_damaged_pointer_is_said_and_not_fatal(tmp_path, clock, text):
    made = settings(tmp_path / "home", "http://127.0.0.1:1")
    Warehouse(made.home, clock).publish()
    (made.home / "CURRENT").write_text(text)

    body = status_of(made, clock)

    assert (body["status"], body["as_of"]) == ("failing", None)
    assert any(str(made.home) in reason and "\n" not in reason for reason in body["reasons"])


def test_a_damaged_snapshot_is_said_and_not_fatal(tmp_path, clock):
    made = settings(tmp_path / "home", "http://127.0.0.1:1")
    published = Warehouse(made.home, clock).publish()
    (made.home / "snapshots" / published.file).write_bytes(b"no database" * 1000)

    body = status_of(made, clock)

    assert body["status"] == "failing"
    assert "damaged" in body["reasons"][0]


def test_a_snapshot_without_a_table_is_said_and_not_fatal(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)
    corrupt(Warehouse(made.home, clock), "ALTER TABLE coverage RENAME TO elsewhere")
    Warehouse(made.home, clock).publish()

    body = status_of(made, clock)

    assert (body["status"], body["as_of"], body["sources"]) == ("failing", None, [])
    assert body["reasons"][0].startswith(f"{made.home}: the published snapshot cannot be read (Catalog Error: ")
    assert {one["store"]: one["state"] for one in body["stores"]}["snapshot"] == "damaged"


def test_a_mistake_of_our_own_is_said_and_silences_nothing_else(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)

    body = status(made, NOW.replace(tzinfo=None))  # no instant at all

    told = "part of the status cannot be told (TypeError); the log of the service says where"
    assert (body["status"], body["reasons"][0]) == ("failing", told)
    assert [one["store"] for one in body["stores"]] == ["disk", "snapshot", "warehouse", "state", "dagster"]


def test_the_example_in_the_document_is_what_it_says():
    documented("/status", "get").validate(STATUS)
    hold_status(STATUS)
    reasons = STATUS["reasons"]
    assert [one["detail"] for one in STATUS["stores"] if one["detail"]] == reasons[:1]


@pytest.mark.parametrize(
    ("environment", "states"),
    [
        ({}, ["off", "off", "off"]),
        ({"OPENAI_API_KEY": "sk-x"}, ["on", "off", "off"]),
        ({"ENABLE_OPENAI": "true"}, ["unconfigured", "off", "off"]),
        ({"OPENAI_API_KEY": "sk-x", "ENABLE_ANTHROPIC": "yes"}, ["off", "unconfigured", "off"]),
        ({"OPENAI_API_KEY": "sk-x", "ENABLE_OPENAI": "1", "ENABLE_VERTEX_BQ": "1"}, ["on", "off", "unconfigured"]),
    ],
)
def test_each_provider_is_on_off_or_unconfigured(tmp_path, clock, environment, states):
    body = status_of(Settings.load({"AISPEND_HOME": str(tmp_path), **environment}, dotenv=None), clock)

    assert [(p["provider"], p["state"]) for p in body["providers"]] == list(
        zip(("openai", "anthropic", "vertex"), states, strict=True)
    )


def test_config_says_that_a_secret_is_set_and_never_a_character_of_it(tmp_path, clock):
    secrets = {"OPENAI_API_KEY": "qZ7-first-key-Kx", "OPENAI_API_KEY__EU": "qZ7-second-key-Kx"}
    made = Settings.load(
        {
            "AISPEND_HOME": str(tmp_path),
            "OPENAI_BASE_URL": "https://proxy.example:8443/private/path",
            "OPENAI_HARD_CAP": "250.00",
            **secrets,
        },
        dotenv=None,
    )

    answer = TestClient(create_app(made, clock)).get("/config")

    body = answer.json()
    assert (body["OPENAI_API_KEY"], body["OPENAI_API_KEY__EU"]) == ("set", "set")
    assert body["OPENAI_BASE_URL"] == "https://proxy.example:8443"
    assert body["OPENAI_HARD_CAP"] == "250.00"
    assert body["AISPEND_PORT"] == 8080
    assert "qZ7" not in answer.text
    assert "private" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_healthz_answers_without_a_store(tmp_path, clock):
    made = settings(tmp_path / "nothing" / "there", "http://127.0.0.1:1")

    assert TestClient(create_app(made, clock)).get("/healthz").json() == {"status": "ok"}
    assert not (tmp_path / "nothing").exists()


def test_adding_up_again_makes_no_restatement(tmp_path, base, clock):
    made = one_account(tmp_path / "home", base)
    fill(made, clock)
    add_up(Warehouse(made.home, clock), DAYS, clock)

    assert status_of(made, clock)["sources"][0]["restatements"] == 0
