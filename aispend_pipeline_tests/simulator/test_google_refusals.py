"""What the simulated BigQuery refuses, and what Google's own client makes of it: limits, rights, tokens and errors."""

from decimal import Decimal

import pytest
from google.api_core import exceptions
from google.auth.exceptions import RefreshError

from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.google_tokens import PROJECT, service_account_json
from aispend_pipeline.simulator.scenario import RateLimited, Scenario

from ..service.world import NOW
from .google_calls import EU, TABLE, WEEK, Http, asked, client, configuration, lines_query, nanos, rows_of, sample


def documented(error: exceptions.GoogleAPICallError, name: str) -> dict:
    """The sample of an error, of which code and reason must be those of `error`."""
    body = sample(name)["error"]
    assert (error.code, error.errors[0]["reason"]) == (body["code"], body["errors"][0]["reason"])
    return body


def test_a_query_over_its_limit_of_bytes_is_a_job_that_failed(simulated):
    base_url, tokens = simulated
    with client(base_url) as made, pytest.raises(exceptions.GoogleAPICallError) as refused:
        asked(made, maximum_bytes_billed=10 * 1024**2 - 1)
    with client(base_url) as made:
        assert asked(made, maximum_bytes_billed=10 * 1024**2)

    documented_job = sample("bigquery_job_bytes_billed_limit.json")
    assert refused.value.errors[0]["reason"] == documented_job["status"]["errorResult"]["reason"]
    message = "Query exceeded limit for bytes billed: 10485759. 10485760 or higher required."
    assert refused.value.errors[0]["message"] == message
    query = {"query": "SELECT 1", "maximumBytesBilled": "1"}
    http = Http(base_url, tokens.issue("default"))
    job = http.post(f"/bigquery/v2/projects/{PROJECT}/jobs", {"configuration": {"query": query}}).json()
    assert set(documented_job) <= set(job)
    assert (set(job["status"]), set(job["jobReference"])) == (
        set(documented_job["status"]),
        set(documented_job["jobReference"]),
    )


def test_who_has_no_role_is_denied_the_table(books):
    base_url, _ = books(denied=("default",))
    with client(base_url, service_account_json(base_url, "default")) as made:
        with pytest.raises(exceptions.Forbidden) as refused:
            asked(made)
        with pytest.raises(exceptions.Forbidden):
            made.get_table(TABLE)
    with client(base_url, service_account_json(base_url, "eu")) as made:
        assert asked(made)

    body = documented(refused.value, "bigquery_error_403_access_denied.json")
    assert body["message"].split(":")[0] in refused.value.message


def test_a_project_may_be_closed_to_queries(books):
    base_url, _ = books(closed=(PROJECT,))
    with client(base_url) as made, pytest.raises(exceptions.Forbidden, match=r"bigquery\.jobs\.create"):
        asked(made)


def test_a_table_that_is_not_there_is_not_found(simulated):
    base_url, _ = simulated
    with client(base_url) as made:
        with pytest.raises(exceptions.NotFound) as refused:
            rows_of(made, lines_query(f"{PROJECT}.billing_export.gone"), configuration(EU, WEEK))
        with pytest.raises(exceptions.NotFound):
            made.get_table(f"{PROJECT}.billing_export.gone")

    documented(refused.value, "bigquery_error_404_table.json")
    assert f"Table {PROJECT}:billing_export.gone was not found in location US" in refused.value.message


@pytest.mark.parametrize("partitioned", ["view", "export_time"])
def test_only_an_ingestion_time_table_has_the_pseudo_column(books, partitioned):
    base_url, _ = books(partitioned=partitioned)
    with client(base_url) as made:
        with pytest.raises(exceptions.BadRequest, match=r"Unrecognized name: _PARTITIONTIME at \[\d+:\d+\]"):
            asked(made)
        other = "none" if partitioned == "view" else "export_time"
        assert Decimal(nanos(asked(made, other))).scaleb(-9) == organisation.total("vertex", "eu", WEEK.days(), NOW)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT FROM WHERE", "Syntax error"),
        (f"SELECT nothing FROM `{TABLE}`", "nothing"),
        (f"SELECT cost FROM `{TABLE}` WHERE cost_type = @unsaid", r"parameter 'unsaid' not found at \[1:\d+\]"),
    ],
)
def test_a_query_that_is_none_is_invalid(simulated, query, told):
    base_url, _ = simulated
    with client(base_url) as made, pytest.raises(exceptions.BadRequest, match=told) as refused:
        rows_of(made, query, configuration(EU, WEEK))

    assert refused.value.errors[0]["reason"] == "invalidQuery"


def test_a_token_that_expires_between_pages_is_refreshed(books):
    base_url, tokens = books(rows_a_page=10)
    with client(base_url) as made:
        found = made.query(lines_query(TABLE), job_config=configuration(EU, WEEK)).result(timeout=5)
        pages = found.pages
        rows = list(next(pages))
        tokens.expire()
        rows += [row for page in pages for row in page]

        assert len(rows) == found.total_rows > 10
    assert tokens.issued == 2


def test_a_key_that_is_refused_gives_no_token(books):
    base_url, tokens = books()
    tokens.trouble = "invalid_grant"
    with client(base_url) as made, pytest.raises(RefreshError, match=r"invalid_grant: Invalid JWT Signature\."):
        asked(made)


def test_too_many_queries_are_refused_as_documented_and_asked_again(books):
    base_url, tokens = books(scenario=Scenario((RateLimited(route="/bigquery/", calls=range(2), retry_after=None),)))
    http = Http(base_url, tokens.issue("default"))
    answer = http.post(f"/bigquery/v2/projects/{PROJECT}/jobs", {})
    with client(base_url) as made:
        assert asked(made)

    assert (answer.status_code, answer.json()) == (403, sample("bigquery_error_403_rate_limit.json"))
