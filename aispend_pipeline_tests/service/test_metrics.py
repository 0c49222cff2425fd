"""`GET /metrics` says in numbers what `/status` says in words, and what is not known is not there."""

import os
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.metrics_declared import METRICS, PREFIX, Kind
from aispend_pipeline.warehouse import Warehouse, lock
from aispend_pipeline.warehouse.retention import expire
from aispend_pipeline_tests.alerts.receivers import http_receiver
from aispend_pipeline_tests.alerts.receivers import status as answering

from .installation import MONTH, SOFT, Installation, copy_of, read_month

KNOWN = {metric.full_name for metric in METRICS}


class Scrape:
    """What one scrape gave, by name and labels."""

    def __init__(self, client: TestClient) -> None:
        answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text
        self.text = answer.text
        self.families = list(text_string_to_metric_families(answer.text))
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((PREFIX + name, frozenset(labels.items())))

    def of(self, name: str) -> list[dict[str, str]]:
        """The labels that a metric has values for."""
        return [dict(labels) for known, labels in self.samples if known == PREFIX + name]


def client_of(made: Installation, **more: str) -> TestClient:
    app = create_app(made.settings(**more), made.clock)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    return read_month(tmp_path_factory.mktemp("month") / "home")


@pytest.fixture(scope="module")
def client(month) -> TestClient:
    """Of a month that is only read from."""
    return client_of(Installation(month), **SOFT)


@pytest.fixture(scope="module")
def scraped(client) -> Scrape:
    return Scrape(client)


@pytest.fixture
def one(month, home) -> Installation:
    """Seven dollars a day under a soft cap of 80."""
    made = copy_of(month, home)
    made.set |= SOFT
    return made


@pytest.fixture
def told(one) -> Installation:
    """The same, looked at, with one message that was given up."""
    with http_receiver() as receiver:
        receiver.moods.append(answering(404))
        one.set["SLACK_WEBHOOK_URL"] = receiver.url()
        one.evaluate()
    return one


def test_caps_and_messages_are_what_the_status_says(told):
    body, scrape = told.status(), Scrape(client_of(told))

    (cap,) = [one for one in body["caps"] if one["period"] == "2026-06"]
    for kind in ("billed", "estimated"):
        assert scrape("spend_month_to_date_usd", scope="openai", kind=kind) == float(cap[f"{kind}_usd"])
    assert (scrape("cap_usd", scope="openai", cap="soft"), scrape("cap_usd", scope="openai", cap="hard")) == (80, 100)
    assert {of["level"]: scrape("cap_level", **of) for of in scrape.of("cap_level")} == {
        "unknown": 0,
        "ok": 0,
        cap["level"]: 1,
        "hard": 0,
    }
    assert scrape("forecast_month_end_usd", scope="openai", bound="high") == float(cap["forecast"]["high_usd"])
    assert scrape("last_evaluation_timestamp_seconds") == _seconds(body["last_evaluation_at"])
    assert scrape("outbox_deliveries", status="dead") == body["outbox"]["dead"] == 1
    assert scrape("outbox_deliveries", status="pending") == body["outbox"]["pending"]
    assert scrape("channel_failing", channel="slack") == 1
    assert scrape("incidents_open", kind="channel") == len(body["incidents"])
    assert {of["status"]: scrape("status", **of) for of in scrape.of("status")} == {
        "ok": body["status"] == "ok",
        "degraded": body["status"] == "degraded",
        "failing": body["status"] == "failing",
    }


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def test_sources_are_what_the_status_says(client, scraped):
    sources = client.get("/status").json()["sources"]
    for feed in sources:
        of = {name: feed[name] for name in ("source", "account", "provider")}
        assert scraped("quarantined_records", **of) == feed["quarantined"]
        assert scraped("restatements_total", **of) == feed["restatements"]
        assert scraped("source_stale", **of) == feed["stale"]
        assert scraped("last_fetch_success", **of) == (feed["last_ingest"]["state"] == "complete")
        assert scraped("last_fetch_timestamp_seconds", **of) == _seconds(feed["last_ingest"]["at"])
        for state in ("complete", "partial", "failed", "not_due"):
            assert scraped("source_coverage", **of, state=state) == feed["coverage"][state]
    assert len(scraped.of("source_stale")) == len(sources)


def test_what_accounts_cost_is_what_the_spend_route_says(client, scraped):
    asked = {"from": "2026-06-01", "to": "2026-06-12", "groupBy": "provider,account"}
    rows = client.get("/spend", params=asked).json()["rows"]

    for row in rows:
        of = {"provider": row["provider"], "account": row["account"], "kind": "billed"}
        assert scraped("account_spend_month_to_date_usd", **of) == float(Decimal(row["cost_usd"]))
    assert len(rows) == 1


def test_an_old_figure_ages_and_goes_stale(one):
    one.later(hours=5)

    scrape = Scrape(client_of(one))

    of = {"source": "openai_costs", "account": "default", "provider": "openai"}
    assert (scrape("source_freshness_seconds", **of), scrape("source_stale", **of)) == (5 * 3600, 1)
    assert scrape("source_ever_read", **of) == 1


def test_what_was_never_read_has_no_age_and_no_spend(home):
    made = Installation(home)
    made.set |= SOFT
    Warehouse(home, made.clock).publish()

    scrape = Scrape(client_of(made))

    of = {"source": "openai_costs", "account": "default", "provider": "openai"}
    assert (scrape("source_ever_read", **of), scrape("source_freshness_seconds", **of)) == (0, None)
    assert scrape("source_stale", **of) == 1
    for name in ("account_spend_month_to_date_usd", "last_fetch_success", "fetches_total", "ingest_runs_total"):
        assert scrape.of(name) == []
    assert (scrape("cap_level", scope="openai", level="unknown"), scrape("outbox_deliveries", status="dead")) == (1, 0)
    assert scrape("outbox_oldest_pending_seconds") is None


def test_caps_that_nobody_looked_at_are_there_and_say_so(one):
    scrape = Scrape(client_of(one))

    assert scrape("cap_level", scope="openai", level="unknown") == scrape("store_usable", store="state") == 1
    assert scrape("cap_usd", scope="openai", cap="hard") == 100
    assert scrape("last_evaluation_timestamp_seconds") is None


def test_a_new_month_in_which_nothing_was_read_yet_has_no_spend_and_not_zero(one):
    one.clock.instant = datetime.fromisoformat("2026-07-01T00:05:00Z")

    assert Scrape(client_of(one)).of("account_spend_month_to_date_usd") == []


def test_caps_that_were_removed_last_month_are_not_this_months(told):
    told.clock.instant = datetime.fromisoformat("2026-07-02T00:05:00Z")
    for name in SOFT:
        del told.set[name]

    scrape = Scrape(client_of(told))

    assert [cap["period"] for cap in told.status()["caps"]] == ["2026-06"]
    for name in ("cap_usd", "cap_level", "spend_month_to_date_usd", "forecast_month_end_usd"):
        assert scrape.of(name) == []


def test_a_warehouse_that_is_written_for_long_can_be_used(one):
    file = one.home / "writer.lock"
    with lock.held(file, 0):
        began = (one.clock.now() - timedelta(hours=1)).timestamp()
        os.utime(file, (began, began))
        scrape = Scrape(client_of(one))
        states = {store["store"]: store["state"] for store in one.status()["stores"]}

    assert (states["warehouse"], scrape("store_usable", store="warehouse")) == ("locked", 1)


def test_a_damaged_snapshot_takes_only_its_own_figures_away(told, tmp_path, capsys):
    other = copy_of(told.home, tmp_path / "other")  # one that nothing in this process has open
    max((other.home / "snapshots").glob("*.duckdb")).write_bytes(b"rubbish" * 1000)
    client = client_of(other, **told.set)

    scrape = Scrape(client)
    again = Scrape(client)

    assert (scrape("store_usable", store="snapshot"), scrape("store_usable", store="state")) == (0, 1)
    for name in ("source_stale", "fetches_total", "account_spend_month_to_date_usd"):
        assert scrape.of(name) == []
    assert scrape("snapshot_timestamp_seconds") is None
    assert scrape("outbox_deliveries", status="dead") == 1
    assert again("http_requests_total", method="GET", route="/metrics", status="2xx") == 1
    assert capsys.readouterr().err.count("metrics.incomplete") == 1


def test_a_damaged_state_database_takes_only_its_own_figures_away(one):
    (one.home / "state.sqlite").write_bytes(b"rubbish" * 1000)

    scrape = Scrape(client_of(one))

    assert (scrape("store_usable", store="snapshot"), scrape("store_usable", store="state")) == (1, 0)
    for name in ("outbox_deliveries", "incidents_open", "channel_failing"):
        assert scrape.of(name) == []
    assert scrape("last_evaluation_timestamp_seconds") is None
    assert len(scrape.of("source_stale")) == 2


def test_no_counter_falls_when_old_pages_go(one):
    client = client_of(one)
    before = Scrape(client)
    one.later(days=100)
    expire(Warehouse(one.home, one.clock), one.clock.now() - timedelta(days=90))

    after = Scrape(client)

    assert (before("stored_pages"), after("stored_pages")) == (34, 0)
    counters = {f"{metric.full_name}" for metric in METRICS if metric.kind is Kind.COUNTER}
    assert [key for key, value in before.samples.items() if key[0] in counters and after.samples[key] < value] == []
    assert after("warehouse_commits_total") > before("warehouse_commits_total")


def test_everything_declared_is_served_and_nothing_else(told):
    told.set["ON_HARDCAP_WEBHOOK"] = "http://127.0.0.1:9/hook"
    told.set["OPENAI_HARD_CAP"] = "84"
    with http_receiver() as receiver:
        receiver.moods.append(answering(500))
        told.set["SLACK_WEBHOOK_URL"] = receiver.url()
        told.evaluate()
    client = client_of(told)
    Scrape(client)

    served = {family.name + "_total" * (family.type == "counter"): family for family in Scrape(client).families}

    ours = {name for name in served if not name.startswith("process_")}
    assert ours == KNOWN
    for metric in METRICS:
        assert (served[metric.full_name].type, served[metric.full_name].documentation) == (metric.kind, metric.help)
        for sample in served[metric.full_name].samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


def test_two_applications_count_apart(one):
    first, second = client_of(one), client_of(one)
    first.get("/healthz")

    assert Scrape(first)("http_requests_total", method="GET", route="/healthz", status="2xx") == 1
    assert Scrape(second)("http_requests_total", method="GET", route="/healthz", status="2xx") is None


def test_scrapes_may_be_made_at_once(one):
    from concurrent.futures import ThreadPoolExecutor

    client = client_of(one)
    with ThreadPoolExecutor(4) as pool:
        found = [scrape("stored_pages") for scrape in pool.map(lambda _: Scrape(client), range(8))]
    assert found == [34] * 8


def test_prometheus_finds_nothing_to_say_of_it(scraped, promtool):
    done = promtool("check", "metrics", stdin=scraped.text)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_scrape_sees_what_was_published_since_the_last_one(one):
    client = client_of(one)
    before = Scrape(client)
    add_up(Warehouse(one.home, one.clock), MONTH, one.clock)

    after = Scrape(client)

    assert after("warehouse_commits_total") == before("warehouse_commits_total") + 1
