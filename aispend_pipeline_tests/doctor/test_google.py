"""Google examined: is all well, whose credentials, and the settings; a line for each finding, a remedy if it is one."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from aispend_pipeline.doctor import configured
from aispend_pipeline.doctor import google as examination
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.google_tokens import service_account_json
from aispend_pipeline.sources.http import Limits

from .google import (
    AISPEND,
    BUDGET,
    BUDGETS,
    MESSAGES,
    NO_TABLE,
    NOVEMBER,
    SUBSCRIPTION,
    TABLE,
    TOKEN,
    A,
    budget,
    budgets,
)
from .world import OPENAI_KEY, about


class TestAllIsWell:
    def test_is_said_line_by_line(self, google):
        google.says(BUDGETS, JSONResponse(budget("AI monthly")))
        google.says(MESSAGES, JSONResponse({"name": SUBSCRIPTION, "topic": "projects/billing-proj/topics/budgets"}))

        code, lines = google.examined(GCP_BUDGET_NAME=BUDGET, GCP_PUBSUB_SUBSCRIPTION=SUBSCRIPTION)

        assert code == 0
        assert about(lines, "settings") == ["ok   settings: vertex default to be read"]
        assert [line.removeprefix("ok   vertex default: ") for line in about(lines, "vertex default")] == [
            f"credentials are a service account's key, of {AISPEND}",
            f"{TABLE} is a table in US, partitioned by ingestion",
            "the query of every day reads 23.9 KiB as set (ingestion), 23.9 KiB with export_time, 23.9 KiB with none",
            "the project aispend-sim runs the queries, and pays for them",
            f"the newest line of billing account {A} was exported 2026-11-22T16:02:40Z, 117 minutes ago",
            f"budget of the billing account {A} can be read: AI monthly",
            f"the subscription {SUBSCRIPTION} is there, of projects/billing-proj/topics/budgets",
        ]

    def test_nothing_is_pulled_from_a_subscription(self, google):
        google.says(MESSAGES, JSONResponse({"name": SUBSCRIPTION, "topic": "t"}))

        google.beside(GCP_PUBSUB_SUBSCRIPTION=SUBSCRIPTION)

        assert [asked for asked in google.app.asked if MESSAGES in asked[1]] == [("GET", f"/v1/{SUBSCRIPTION}")]

    def test_every_account_is_examined_by_its_own_name(self, google):
        code, lines = google.examined(GCP_BQ_TABLE__EU="nothing", GCP_SA_JSON__EU="/nowhere/key.json")

        assert code == 1
        assert len(about(lines, "vertex default")) == 5
        assert about(lines, "vertex eu") == [
            "FAIL vertex eu: GCP_SA_JSON: /nowhere/key.json cannot be read (No such file or directory); set GCP_SA_JSON"
            " to credentials of Google's, or unset it to take this machine's own"
        ]

    def test_budgets_alone_are_no_export(self, google):
        google.says(BUDGETS, budgets("AI", "All of it"))

        code, lines = google.examined(**NO_TABLE)

        assert code == 0
        assert about(lines, "vertex default") == [
            f"ok   vertex default: credentials are a service account's key, of {AISPEND}",
            f"ok   vertex default: 2 budgets of the billing account {A} can be read: AI, All of it",
        ]
        assert not any(line.startswith("last month") for line in lines)


class TestCredentials:
    def test_a_file_that_everybody_may_read_is_worth_a_word(self, google, tmp_path):
        file = tmp_path / "key.json"
        file.write_text(google.world.environment["GCP_SA_JSON"])
        file.chmod(0o644)

        assert google.said(GCP_SA_JSON=str(file))[:2] == [
            f"ok   credentials are a service account's key ({file}), of {AISPEND}",
            f"note {file}: every user of this machine may read the credentials in it; run: chmod 600 {file}",
        ]
        file.chmod(0o640)
        assert google.beside(GCP_SA_JSON=str(file), GCP_BUDGET_NAME=BUDGET)[1].startswith("FAIL /v1/")

    def test_workload_identity_needs_no_secret_file(self, google, tmp_path):
        file, token = tmp_path / "config.json", tmp_path / "token"
        token.write_text("somebody-elses")
        config = {"type": "external_account", "audience": "//iam.googleapis.com/locations/global/x", "token_url": ""}
        source = {
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "credential_source": {"file": str(token)},
        }
        file.write_text(json.dumps({**config, **source, "token_url": f"{google.base}/sts"}))
        file.chmod(0o644)
        token = google.app.app.state.tokens.issue("default")
        google.says("/sts", JSONResponse({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))

        said = google.said(GCP_SA_JSON=str(file))

        assert said[0] == f"ok   credentials are workload identity ({file})"
        assert said[3] == "ok   the project billing-proj runs the queries, and pays for them"
        assert not any(line.startswith(("note", "FAIL")) for line in said)

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (None, "cannot be read (No such file or directory)"),
            ("not JSON", "holds no JSON"),
            ("[]", "holds JSON that is no credentials of Google's"),
            ('{"installed": {"client_secret": "s3cr3t"}}', "has the type 'None', which is none that is known here"),
            ('{"type": "service_account", "private_key": "s3cr3t"}', "is damaged, or lacks a part that its type has"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_one_line(self, google, tmp_path, text, what):
        file = tmp_path / "key.json"
        if text is not None:
            file.write_text(text)

        assert google.said(GCP_SA_JSON=str(file)) == [
            f"FAIL GCP_SA_JSON: {file} {what}; set GCP_SA_JSON to credentials of Google's, or unset it to take this"
            " machine's own"
        ]

    def test_none_at_all_is_one_line(self, google, monkeypatch, tmp_path):
        google.says("/", Response(status_code=404))  # what is no metadata server
        monkeypatch.setenv("GCE_METADATA_IP", google.base.removeprefix("http://"))
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)

        assert google.said(GCP_SA_JSON="") == [
            "FAIL no credentials of Google's were found on this machine; set GCP_SA_JSON, or run: gcloud auth"
            " application-default login"
        ]

    @pytest.mark.parametrize(
        ("reason", "remedy"),
        [
            ("Invalid JWT Signature.", "the key was deleted, or is another account's; set GCP_SA_JSON to a new one"),
            (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your"
                " iat and exp values in the JWT claim.",
                "set this machine's clock, for example by: timedatectl set-ntp true",
            ),
            (
                "Invalid grant: account not found",
                "the service account was deleted or disabled; set GCP_SA_JSON to another one's key",
            ),
            ("Token has been expired or revoked.", "log in again: gcloud auth application-default login"),
            ("reauth related error (invalid_rapt)", "log in again: gcloud auth application-default login"),
            (
                "Bad Request",
                "set GCP_SA_JSON to credentials that are valid, or log in: gcloud auth application-default login",
            ),
        ],
    )
    def test_a_token_that_is_not_given_is_one_line(self, google, reason, remedy):
        google.says(TOKEN, JSONResponse({"error": "invalid_grant", "error_description": reason}, 400))

        assert google.said() == [
            f"ok   credentials are a service account's key, of {AISPEND}",
            f"FAIL Google gives no token: invalid_grant: {reason.rstrip('.')}; {remedy}",
        ]

    def test_a_token_endpoint_that_is_not_there(self, google):
        key = json.loads(google.world.environment["GCP_SA_JSON"])

        said = google.trouble(GCP_SA_JSON=json.dumps({**key, "token_uri": "http://127.0.0.1:9/token"}))

        assert said.startswith("Google's token endpoint cannot be asked: 127.0.0.1: ")
        assert said.endswith("; let this machine out to it (firewall, proxy), and run: aispend doctor")

    def test_a_token_endpoint_that_never_answers(self, google):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            key = json.loads(google.world.environment["GCP_SA_JSON"])
            uri = f"http://127.0.0.1:{silent.getsockname()[1]}/token"
            settings = google.world.settings(GCP_SA_JSON=json.dumps({**key, "token_uri": uri}))
            asked = examination.examine(settings, google.world.clock, NOVEMBER, Limits(account_seconds=0.2))
            (examined,) = asyncio.run(asked)

        assert examined.findings[-1].line == (
            "FAIL vertex default: no token came in 0.2 s; let this machine out to where it is given"
            " (oauth2.googleapis.com, or the metadata server)"
        )


EXPORT = {"GCP_BQ_PROJECT": "finops-1", "GCP_BQ_DATASET": "d", "GCP_BQ_TABLE": "t"}


class TestSettings:
    @pytest.fixture
    def said(self, tmp_path) -> Callable[..., list[str]]:
        def lines(**environment: str) -> list[str]:
            settings = Settings.load(environment, dotenv=None)
            return [found.line.replace(" settings:", "") for found in configured.examine(settings, tmp_path / "none")]

        return lines

    def test_what_is_on_and_has_nothing_to_read(self, said):
        assert said(ENABLE_VERTEX_BQ="true", ENABLE_VERTEX_BILLING_API="true") == [
            "FAIL the billing export is switched on but unconfigured; set GCP_BQ_TABLE, or ENABLE_VERTEX_BQ=false",
            "FAIL budgets are switched on but unconfigured; set GCP_BUDGET_NAME or GCP_BILLING_ACCOUNT_ID, or"
            " ENABLE_VERTEX_BILLING_API=false",
        ]

    def test_what_is_off_and_could_be_read(self, said):
        assert said(**EXPORT, GCP_BUDGET_NAME=BUDGET, OPENAI_API_KEY=OPENAI_KEY, ENABLE_OPENAI="true") == [
            "note the billing export of vertex default is switched off; to read it set ENABLE_VERTEX_BQ=true",
            "note budgets of vertex default are switched off; to read them set ENABLE_VERTEX_BILLING_API=true",
            "ok   openai default to be read",
        ]

    def test_one_of_the_two(self, said):
        assert said(**EXPORT, GCP_BUDGET_NAME=BUDGET, ENABLE_VERTEX_BQ="true") == [
            "note budgets of vertex default are switched off; to read them set ENABLE_VERTEX_BILLING_API=true",
            "ok   vertex default to be read",
        ]

    def test_accounts_of_which_one_has_a_table_and_one_budgets(self, said):
        assert said(**EXPORT, GCP_BUDGET_NAME__EU=BUDGET) == ["ok   vertex default, vertex eu to be read"]

    def test_a_file_with_a_key_that_everybody_may_read(self, tmp_path):
        file = tmp_path / "settings"
        file.write_text("GCP_SA_JSON={}\n")
        file.chmod(0o644)

        found = [finding.line for finding in configured.examine(Settings.load({}, dotenv=None), file)]
        assert found[0].endswith(f"run: chmod 600 {file}")


@pytest.mark.long
def test_the_command_shows_no_key(aispend, tmp_path):
    key = service_account_json("http://127.0.0.1:9")
    Path(".env").write_text("GCP_BQ_PROJECT=finops-1\nGCP_BQ_DATASET=d\nGCP_BQ_TABLE=t\n")

    done = aispend("doctor", GCP_SA_JSON=key)

    assert (done.returncode, done.stderr) == (1, "")
    assert "Google's token endpoint cannot be asked: 127.0.0.1: " in done.stdout
    assert json.loads(key)["private_key"][40:80] not in done.stdout
