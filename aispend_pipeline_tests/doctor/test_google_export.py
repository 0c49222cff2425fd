"""A billing export examined: what the table is, what reading it costs, is it alive, and last month's totals."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Send

from ..sources.google_world import ROWS, sample
from .google import AISPEND, DEAD, JOBS, LINES, NAME, TABLE, TABLES, A, B, C, Google


def dry_runs(*sizes: int) -> list[Response]:
    """What queries would read: as set, then in the other modes."""
    return [JSONResponse({"statistics": {"totalBytesProcessed": str(size)}}) for size in sizes]


class TestTheTable:
    @pytest.mark.parametrize(
        ("partitioned", "mode", "line"),
        [
            (
                "ingestion",
                "none",
                "note {table} is a table in US, partitioned by ingestion, and is not read by them, which costs more;"
                " set GCP_BQ_PARTITION_MODE=ingestion",
            ),
            ("export_time", "export_time", "ok   {table} is a table in US, partitioned by export_time"),
            (
                "export_time",
                "ingestion",
                "FAIL {table} is a table in US, partitioned by export_time, and has no _PARTITIONTIME to be read by;"
                " set GCP_BQ_PARTITION_MODE=export_time",
            ),
            (
                "view",
                "ingestion",
                "FAIL {table} is a view in US, without partitions of its own, and has no _PARTITIONTIME to be read by;"
                " set GCP_BQ_PARTITION_MODE=none",
            ),
            ("view", "none", "ok   {table} is a view in US, without partitions of its own"),
            ("view", "export_time", "ok   {table} is a view in US, without partitions of its own"),
        ],
    )
    def test_is_held_against_the_partition_mode(self, google, partitioned, mode, line):
        google.serves(partitioned=partitioned)

        said = google.said(GCP_BQ_PARTITION_MODE=mode)

        assert said[1] == line.format(table=TABLE)
        assert len(said) == (2 if line.startswith("FAIL") else 5)

    def test_a_mode_that_a_table_cannot_be_read_in_has_no_size(self, google):
        google.serves(partitioned="view")

        assert google.said(GCP_BQ_PARTITION_MODE="none")[2] == (
            "ok   the query of every day reads 23.9 KiB as set (none), 23.9 KiB with export_time"
        )

    def test_the_standard_export_is_worth_a_word(self, google):
        standard = NAME.replace("_resource", "")
        google.serves(table=f"billing-proj.billing_export.{standard}")

        assert google.said(GCP_BQ_TABLE=standard)[2] == (
            f"note {standard} is the standard export; the detailed one has the same money by resource, and is better:"
            f" once it is on, set GCP_BQ_TABLE={NAME} instead"
        )

    @pytest.mark.parametrize(
        ("sizes", "mode", "said"),
        [
            (
                (50 * 2**30, 12 * 2**20, 49 * 2**30),
                "none",
                "the query of every day would read 50.0 GiB as set (none), more than the 2.0 GiB of"
                " GCP_BQ_MAX_BYTES_BILLED; set GCP_BQ_PARTITION_MODE=ingestion, which reads 12.0 MiB",
            ),
            (
                (3 * 2**30, 40 * 2**30, 40 * 2**30),
                "ingestion",
                "the query of every day would read 3.0 GiB as set (ingestion), more than the 2.0 GiB of"
                " GCP_BQ_MAX_BYTES_BILLED; raise it to 3221225472 or more",
            ),
        ],
    )
    def test_a_query_that_costs_more_than_it_may(self, google, sizes, mode, said):
        google.says(JOBS, *dry_runs(*sizes))

        assert google.trouble(GCP_BQ_PARTITION_MODE=mode) == said

    def test_one_that_costs_as_much_as_it_may_is_well(self, google):
        google.says(JOBS, *dry_runs(2 * 2**30, 2 * 2**40, 7))

        assert google.said()[2] == (
            "ok   the query of every day reads 2.0 GiB as set (ingestion), 2,048.0 GiB with export_time, 7 bytes with"
            " none"
        )

    def test_the_cost_is_asked_for_without_running_anything_and_without_what_is_known_already(self, google):
        asked: list[dict[str, Any]] = []

        async def heard(receive: Receive, send: Send) -> None:
            asked.append(json.loads((await receive())["body"])["configuration"])
            await dry_runs(7)[0]({"type": "http"}, receive, send)

        google.says(JOBS, heard, heard, heard)

        assert "reads 7 bytes as set (ingestion)" in google.said(GCP_LOOKBACK_DAYS="3")[2]
        assert [(one["dryRun"], one["query"]["useQueryCache"]) for one in asked] == [(True, False)] * 3
        assert not any("maximumBytesBilled" in one["query"] for one in asked)
        (first,) = {
            one["parameterValue"]["value"]
            for one in asked[0]["query"]["queryParameters"]
            if one["name"] == "usage_from"
        }
        assert first.startswith("2026-11-19")

    def test_a_mode_that_could_not_be_asked_about_is_a_problem_like_any_other(self, google):
        google.says(JOBS, *dry_runs(7), sample("bigquery_error_403_rate_limit", 403, retry_after="90"))

        assert google.trouble().endswith("too; try again after 2026-11-22 18:01:30 UTC")

    def test_a_description_that_may_not_be_seen_is_no_problem_if_the_table_may_be_read(self, google):
        google.says(TABLES, sample("bigquery_error_403_access_denied", 403))

        assert google.said()[2] == (
            "note how the table is partitioned is not checked: the right bigquery.tables.get is missing, which is in"
            " BigQuery Data Viewer"
        )


class TestTheExport:
    def test_that_is_silent_looks_dead(self, google):
        google.world.clock.instant = DEAD

        assert google.trouble() == (
            f"the newest line of billing account {A} was exported 2026-11-22T16:02:40Z, 8 days ago: the export looks"
            " dead; see in the console, under Billing export, that it is on and writes to this table, and that the"
            " billing account is open"
        )

    def test_that_is_a_day_and_two_hours_old_does_not(self, google):
        google.world.clock.instant = datetime(2026, 11, 23, 18, 2, 40, tzinfo=UTC)
        assert google.said()[-1] == (
            f"ok   the newest line of billing account {A} was exported 2026-11-22T16:02:40Z, 26 hours ago"
        )

        google.world.clock.instant += timedelta(seconds=1)
        assert google.said()[-1].startswith("FAIL")

    def test_that_is_silent_about_some_accounts_alone_is_alive(self, google):
        said = google.said(GCP_BILLING_ACCOUNT_ID="")

        assert [line.partition(", when")[0] for line in said[-3:]] == [
            f"ok   the newest line of billing account {A} was exported 2026-11-22T16:02:40Z, 117 minutes ago",
            f"note the newest line of billing account {B} was exported 2026-11-19T18:49:32Z, 2 days ago",
            f"note the newest line of billing account {C} was exported 2026-11-19T10:39:18Z, 3 days ago",
        ]
        assert said[-1].endswith(", when others' are newer; see in the console whether it is open")

    def test_without_lines_is_too_new_or_another_table(self, google, tmp_path):
        (tmp_path / "rows").write_text("")
        google.serves(rows=tmp_path / "rows")

        assert google.trouble() == (
            "the table has no line of the last 40 days; a new export takes some hours to fill: later, look at Billing"
            " export in the console, and check GCP_BQ_TABLE"
        )

    def test_without_lines_of_an_account_that_is_named(self, google):
        assert google.trouble(GCP_BILLING_ACCOUNT_ID=f"{A},01FFFF-000000-000009") == (
            "the table has no line of billing account 01FFFF-000000-000009 of the last 40 days; check"
            " GCP_BILLING_ACCOUNT_ID"
        )

    def test_of_several_accounts_without_a_word_which_one_is_ours(self, google):
        google.serves(table="billing-proj.billing_export.renamed")

        assert google.said(GCP_BQ_TABLE="renamed", GCP_BILLING_ACCOUNT_ID="")[-1] == (
            "note which of the table's billing accounts is default is not told, so that each has its own id for a name;"
            " set GCP_BILLING_ACCOUNT_ID, the table's own first"
        )


DENIED = f"Access Denied: Table {TABLE.replace('.', ':', 1)}: User does not have permission to query table "
DENIED += f"{TABLE.replace('.', ':', 1)}, or perhaps it does not exist"
AT, RUN = (
    f"/bigquery/v2/projects/billing-proj/datasets/billing_export/tables/{NAME}",
    "/bigquery/v2/projects/aispend-sim/jobs",
)
NO_JOBS = (
    "Access Denied: Project aispend-sim: User does not have bigquery.jobs.create permission in project aispend-sim"
)
DISABLED = "BigQuery API has not been used in project 222222222222 before or it is disabled. Enable it by visiting ..."


def refused(status: int, message: str, reason: str = "accessDenied") -> Response:
    return JSONResponse({"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}, status)


def told(name: str) -> str:
    """What a documented error says."""
    return str(json.loads(sample(name).body)["error"]["message"]).strip(" .")


class TestWhatBigQueryAnswers:
    @pytest.mark.parametrize(
        ("part", "answer", "said"),
        [
            (
                JOBS,
                sample("bigquery_error_403_access_denied", 403),
                f"{RUN} answered 403: {DENIED}; give {AISPEND} the role BigQuery Data Viewer on the dataset"
                " billing_export of the project billing-proj, or check GCP_BQ_PROJECT, GCP_BQ_DATASET and GCP_BQ_TABLE",
            ),
            (
                JOBS,
                refused(403, f"{NO_JOBS}."),
                f"{RUN} answered 403: {NO_JOBS}; give {AISPEND} the role BigQuery Job User on the project aispend-sim,"
                " or set GCP_QUERY_PROJECT to one where it has it",
            ),
            (
                TABLES,
                sample("bigquery_error_404_table", 404),
                f"{AT} answered 404: {told('bigquery_error_404_table')}; check GCP_BQ_PROJECT, GCP_BQ_DATASET and"
                f" GCP_BQ_TABLE; what {AISPEND} must not see is answered like this too",
            ),
            (
                TABLES,
                refused(403, DISABLED, "accessNotConfigured"),
                f"{AT} answered 403: {DISABLED.rstrip('.')}; enable it: gcloud services enable bigquery.googleapis.com"
                " --project 222222222222",
            ),
            (
                TABLES,
                sample("error_403_quota_project", 403),
                f"{AT} answered 403: {told('error_403_quota_project')} ; name one: gcloud auth"
                " application-default set-quota-project PROJECT; or use a service account",
            ),
            (
                TABLES,
                sample("error_401_unauthenticated", 401),
                f"{AT} answered 401: {told('error_401_unauthenticated')}; set GCP_SA_JSON to credentials that are"
                " valid, or unset it to take this machine's own",
            ),
            (
                JOBS,
                sample("bigquery_error_403_quota", 403),
                f"{RUN} answered 403: Custom quota exceeded: query usage per day; raise the quota of the project"
                " aispend-sim, or set GCP_QUERY_PROJECT to another one",
            ),
            (
                JOBS,
                sample("bigquery_error_403_rate_limit", 403, retry_after="90"),
                f"{RUN} answered 403: Exceeded rate limits: too many concurrent queries for this project; the project"
                " aispend-sim is asked too often, by other programs too; try again after 2026-11-22 18:01:30 UTC",
            ),
            (
                TABLES,
                sample("error_429_rate_limit", 429, retry_after="90"),
                f"{AT} answered 429: {told('error_429_rate_limit')}; Google is asked too often, by other programs too;"
                " try again after 2026-11-22 18:01:30 UTC",
            ),
            (
                TABLES,
                Response(b"<html>sign in</html>", media_type="text/html"),
                f"{AT} answered 200 with something that is no JSON object; what answers at {{base}} is not the"
                " provider: a proxy or a sign-in page perhaps; mend it, or set GCP_BIGQUERY_ENDPOINT",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
    )
    def test_is_one_line_with_one_remedy(self, google, part, answer, said):
        google.says(part, answer, answer, answer)

        assert google.trouble() == said.format(base=google.base)

    def test_a_query_that_is_refused_after_the_others_were_not(self, google):
        google.says(LINES, sample("bigquery_error_403_rate_limit", 403, retry_after="90"))

        line = google.trouble()
        assert line.startswith("/bigquery/v2/projects/aispend-sim/queries/")
        assert line.endswith(
            "; the project aispend-sim is asked too often, by other programs too; try again after"
            " 2026-11-22 18:01:30 UTC"
        )

    def test_a_job_over_its_limit_says_what_to_set(self, google):
        google.says(JOBS, *dry_runs(7, 7, 7), sample("bigquery_job_bytes_billed_limit"))

        line = google.trouble()

        assert "bytesBilledLimitExceeded" in line
        assert line.endswith("; see that GCP_BQ_PARTITION_MODE fits the table, or raise GCP_BQ_MAX_BYTES_BILLED")

    def test_nobody_there(self, google):
        assert google.trouble(GCP_BIGQUERY_ENDPOINT="http://127.0.0.1:9") == (
            f"{AT}: the connection was refused; let this machine out to http://127.0.0.1:9 (firewall, proxy), or set"
            " GCP_BIGQUERY_ENDPOINT"
        )


class TestLastMonth:
    @pytest.fixture(autouse=True)
    def in_december(self, november, google):
        google.world.clock.instant = DEAD
        google.world.environment["GCP_BILLING_ACCOUNT_ID"] = ""
        shutil.copytree(november, google.world.home)

    def totals(self, google: Google, **more: str) -> list[list[str]]:
        _, lines = google.examined(**more)
        return [line.split()[1:] for line in lines if line.startswith(" vertex ")]

    def test_what_was_read_is_the_same_for_every_billing_account(self, google):
        assert self.totals(google) == [
            [B, "same", "USD", "0.00", "0.00", "12"],
            [B, "same", "JPY", "49.24", "49.24", "12"],
            [C, "same", "USD", "0.00", "0.00", "12"],
            [C, "same", "EUR", "3.22", "3.22", "12"],
            ["default", "same", "USD", "44.72", "44.72", "9"],
        ]

    def test_what_was_not_read_yet_is_shown_beside_nothing(self, google):
        shutil.rmtree(google.world.home)

        assert self.totals(google, GCP_BILLING_ACCOUNT_ID=A) == [
            ["default", "not", "read", "yet", "USD", "44.72", "30"]
        ]

    def test_what_came_since_it_was_read_differs(self, google, tmp_path):
        lines = ROWS.read_text().splitlines()
        more = next(line for line in lines if json.loads(line)["service"]["id"] == "C7E2-9256-1C43")
        grown = tmp_path / "rows"
        grown.write_text("\n".join([*lines, json.dumps({**json.loads(more), "cost": 12.5, "credits": []})]))
        google.serves(rows=grown)

        _, said = google.examined()

        assert said[-1] == (
            "note vertex default: last month differs, 57.222073584 USD by the provider, 44.722073584 USD stored; run:"
            " aispend ingest --from 2026-11-01 --to 2026-11-30"
        )

    def test_what_cannot_be_asked_is_not_compared(self, google):
        google.says(TABLES, sample("bigquery_error_404_table", 404))

        assert self.totals(google) == [["default", "not", "compared", "USD", "44.72", "9"]]

    def test_tax_is_counted_only_if_it_is_read(self, google):

        assert self.totals(google, GCP_INCLUDE_TAX="true", GCP_BILLING_ACCOUNT_ID=A) == [
            ["default", "differs", "USD", "47.89", "44.72", "9"]
        ]
