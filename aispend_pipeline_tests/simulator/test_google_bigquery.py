"""The simulated BigQuery, asked by Google's own client: our queries, pages, limits, tokens and errors."""

from datetime import timedelta
from decimal import Decimal

import pytest
from google.api_core import exceptions
from google.cloud.bigquery import Table
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.bigquery_cells import float_text
from aispend_pipeline.simulator.google import SAMPLE_TABLE, google, samples_bigquery, table_name
from aispend_pipeline.simulator.google_books import BILLED, EXPORTS
from aispend_pipeline.simulator.google_tokens import PROJECT

from ..service.world import NOW
from .google_calls import (
    ACCOUNTS,
    EU,
    ROWS,
    SAMPLE_DAYS,
    TABLE,
    TURN,
    WEEK,
    Http,
    client,
    configuration,
    lines_query,
    nanos,
    rows_of,
    sample,
)

SAMPLE_ACCOUNTS = ("01AAAA-BBBBBB-CCCCCC", "01DDDD-EEEEEE-000002", "01EEEE-FFFFFF-000001")


@pytest.mark.parametrize("mode", ["ingestion", "export_time", "none"])
def test_our_query_over_the_sample_rows_comes_to_the_published_total(samples, mode):
    expected = Decimal(sample("billing_export_expected.json")["total_usd"])

    with client(samples) as made:
        total = sum(
            nanos(rows_of(made, lines_query(SAMPLE_TABLE, mode), configuration(account, SAMPLE_DAYS)))
            for account in SAMPLE_ACCOUNTS
        )

    assert abs(Decimal(total).scaleb(-9) - expected) <= Decimal("2e-9")


def test_pages_cut_anywhere_give_the_same_rows(samples, serve_app, clock):
    how = configuration(SAMPLE_ACCOUNTS[0], SAMPLE_DAYS)
    with client(samples) as made:
        whole = rows_of(made, lines_query(SAMPLE_TABLE), how)
        cut = rows_of(made, lines_query(SAMPLE_TABLE), how, page_size=50)
    with client(serve_app(samples_bigquery(ROWS, clock, rows_a_page=7))) as made:
        short = rows_of(made, lines_query(SAMPLE_TABLE), how, page_size=50)
        at_once = list(made.query_and_wait(lines_query(SAMPLE_TABLE), job_config=how, page_size=50))

    assert len(whole) > 100
    assert whole == cut == short == at_once


@pytest.mark.parametrize("account", BILLED)
def test_the_query_finds_what_the_books_say(simulated, account):
    table = next(table_name(name) for name, billed in EXPORTS.items() if BILLED[account] in billed)
    base_url, _ = simulated
    with client(base_url) as made:
        rows = rows_of(made, lines_query(table), configuration(BILLED[account].account_id, TURN))

    found = {day: nanos([row for row in rows if row.usage_day == day]) for day in TURN.days()}
    assert {day: Decimal(of_day).scaleb(-9) for day, of_day in found.items()} == {
        day: organisation.total("vertex", account, [day], NOW) for day in TURN.days()
    }
    assert all(row.fx_missing_rows == 0 for row in rows)


def test_a_table_grows_with_the_clock_and_is_read_anew(books, clock):
    base_url, _ = books()
    days = Window(NOW.date(), NOW.date())
    with client(base_url) as made:
        before = rows_of(made, lines_query(TABLE), configuration(EU, days))
        clock.instant += timedelta(hours=8)
        after = rows_of(made, lines_query(TABLE), configuration(EU, days))

    assert 0 < nanos(before) < nanos(after)
    assert Decimal(nanos(after)).scaleb(-9) == organisation.total("vertex", "eu", days.days(), clock.now())


def test_a_dry_run_tells_the_bytes_of_the_partitions_and_runs_nothing(simulated):
    base_url, _ = simulated
    with client(base_url) as made:
        told = {
            mode: made.query(lines_query(TABLE, mode), job_config=configuration(EU, WEEK, dry_run=True))
            for mode in ("ingestion", "export_time", "none")
        }

        counted = f"SELECT COUNT(*) AS n FROM `{TABLE}` WHERE _PARTITIONTIME >= @partition_from"
        (pruned,) = rows_of(made, counted, configuration(EU, WEEK))

    read = {mode: job.total_bytes_processed for mode, job in told.items()}
    assert 0 < read["ingestion"] == pruned.n * 100 < read["export_time"] == read["none"]


def test_a_job_that_is_not_done_is_asked_again(books):
    base_url, tokens = books(unfinished_calls=1)
    http = Http(base_url, tokens.issue("default"))
    jobs = f"/bigquery/v2/projects/{PROJECT}/jobs"
    started = http.post(jobs, {"configuration": {"query": {"query": "SELECT 1 AS one"}}}).json()
    name = started["jobReference"]["jobId"]
    first, second = (http.get(f"/bigquery/v2/projects/{PROJECT}/queries/{name}").json() for _ in range(2))

    assert (started["status"], http.get(f"{jobs}/{name}").json()["status"]) == ({"state": "RUNNING"}, {"state": "DONE"})
    assert (first["jobComplete"], "rows" in first) == (False, False)
    assert (second["jobComplete"], second["rows"]) == (True, [{"f": [{"v": "1"}]}])


def test_answers_are_of_the_documented_shape(samples):
    with client(samples) as made:
        job = made.query(lines_query(SAMPLE_TABLE), job_config=configuration(SAMPLE_ACCOUNTS[0], SAMPLE_DAYS))
        token = made._credentials.token
    http = Http(samples, token)
    path = f"/bigquery/v2/projects/{PROJECT}/queries"
    int64 = {"formatOptions.useInt64Timestamp": "True"}
    first = http.get(f"{path}/{job.job_id}", maxResults=4, **int64).json()
    at_once = http.post(path, {**sample("bigquery_query_request.json")["body"], "query": "SELECT 1 AS one"}).json()
    page_1, page_2 = sample("bigquery_query_response_page_1.json"), sample("bigquery_query_results_page_2.json")

    assert set(first) == set(page_2) | {"pageToken"}
    assert set(at_once) == set(page_1) - {"pageToken"}
    columns = {field["name"]: field for field in first["schema"]["fields"]}
    assert columns.items() >= {field["name"]: field for field in page_1["schema"]["fields"]}.items()
    assert all(cell["v"] is None or isinstance(cell["v"], str) for row in first["rows"] for cell in row["f"])
    rest = http.get(f"{path}/{job.job_id}", pageToken=first["pageToken"], fields="pageToken,rows,totalRows").json()
    assert set(rest) == {"rows", "totalRows"}
    assert len(first["rows"]) + len(rest["rows"]) == int(rest["totalRows"])
    another = http.post(path, {"query": "SELECT 1 AS one"}).json()["jobReference"]["jobId"]
    for name, token in ((job.job_id, "nonsense"), (another, first["pageToken"])):
        assert http.get(f"{path}/{name}", pageToken=token).status_code == 400
    assert http.get(f"{path}/job_none").json()["error"]["errors"][0]["reason"] == "notFound"


def test_the_sample_rows_are_spelt_as_in_the_published_page(samples):
    """Each published row has its like, cell by cell, among those of our query, which tells one column more."""
    published = [
        row
        for page in ("bigquery_query_response_page_1.json", "bigquery_query_results_page_2.json")
        for row in sample(page)["rows"]
    ]
    names = [field["name"] for field in sample("bigquery_query_response_page_1.json")["schema"]["fields"]]
    found = []
    with client(samples) as made:
        for account in SAMPLE_ACCOUNTS:
            job = made.query(lines_query(SAMPLE_TABLE), job_config=configuration(account, SAMPLE_DAYS))
            path = f"/bigquery/v2/projects/{PROJECT}/queries/{job.job_id}"
            answer = Http(samples, made._credentials.token).get(path, **{"formatOptions.useInt64Timestamp": "True"})
            columns = [field["name"] for field in answer.json()["schema"]["fields"]]
            wanted = [columns.index(name) for name in names]
            found += [{"f": [row["f"][n] for n in wanted]} for row in answer.json()["rows"]]

    assert len(published) == 6
    assert [row for row in published if row not in found] == []


def test_a_table_tells_its_size_and_its_partitions(clock):
    def told(partitioned: str) -> Table:
        app = google(ACCOUNTS, clock, partitioned=partitioned)
        project, dataset, table = TABLE.split(".")
        path = f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}"
        headers = {"authorization": f"Bearer {app.state.tokens.issue('eu')}"}
        return Table.from_api_repr(TestClient(app).get(path, headers=headers).json())

    by_ingestion, by_column, view = (told(partitioned) for partitioned in ("ingestion", "export_time", "view"))

    assert by_ingestion.num_bytes == by_ingestion.num_rows * 100 > 0
    assert (by_ingestion.table_type, by_column.table_type, view.table_type) == ("TABLE", "TABLE", "VIEW")
    assert (by_ingestion.time_partitioning.field, by_column.time_partitioning.field) == (None, "export_time")
    assert view.time_partitioning is None
    (given,) = (field for field in view.schema if field.name == "credits")
    assert (given.mode, [field.name for field in given.fields]) == (
        "REPEATED",
        ["name", "amount", "full_name", "id", "type"],
    )


def test_a_job_has_one_name(simulated):
    base_url, _ = simulated
    with client(base_url) as made:
        made.query("SELECT 1", job_id="again", job_retry=None)
        with pytest.raises(exceptions.Conflict):
            made.query("SELECT 1", job_id="again", job_retry=None)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (22533.0, "22533.0"),
        (1e-5, "1.0E-5"),
        (-0.00025, "-2.5E-4"),
        (0.001, "0.001"),
        (9999999.5, "9999999.5"),
        (1e7, "1.0E7"),
        (123456789.25, "1.2345678925E8"),
        (0.0, "0.0"),
    ],
)
def test_a_float_is_spelt_as_bigquery_spells_it(number, text):
    assert float_text(number) == text
    assert float(text) == number
