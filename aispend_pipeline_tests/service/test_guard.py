"""What every request passes: names, other sites, rates, bodies, headers, and what becomes of a failure."""

import math
import re

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.errors import SettingsError
from aispend_pipeline.service import evidence, state
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from .test_refusals import assert_problem


def client_with(home, clock, **set_: str) -> TestClient:
    made = Settings.load({"AISPEND_HOME": str(home), **set_}, None)
    return TestClient(create_app(made, clock), raise_server_exceptions=False)


OURS = ["localhost", "localhost:8080", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1:9", "127.1.2.3", "[::1]:80"]
STRANGE = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "0x7f.1",
    "testserver",
]
OTHERS = ["10.0.0.7:8080", "[2001:db8::1]", "0.0.0.0", "[::]"]


@pytest.fixture(scope="module")
def here(settings, clock) -> TestClient:
    """The service where only this machine can ask."""
    return client_with(settings.home, clock)


@pytest.fixture(scope="module")
def elsewhere(settings, clock) -> TestClient:
    """The service where others can."""
    return client_with(settings.home, clock, AISPEND_HOST="0.0.0.0")


class TestTheHost:
    """A stranger's page may have its name lead here; the browser still says that name."""

    def test_this_machines_own_names_are_ours(self, here):
        for host in OURS:
            assert here.get("/healthz", headers={"host": host}).status_code == 200, host

    @pytest.mark.parametrize("path", ["/healthz", "/spend", "/nothing"])
    def test_no_other_name_is_while_only_this_machine_can_ask(self, here, path):
        for host in STRANGE + OTHERS:
            body = assert_problem(here.get(path, headers={"host": host}), 421, path)

            assert body["type"].endswith(":foreign-host"), host
            assert host not in body["detail"]

    def test_addresses_are_where_others_can_ask(self, elsewhere):
        for host in OURS + OTHERS:
            assert elsewhere.get("/healthz", headers={"host": host}).status_code == 200, host

    def test_strangers_names_are_not_even_there(self, elsewhere):
        for host in STRANGE:
            assert_problem(elsewhere.get("/healthz", headers={"host": host}), 421)

    @pytest.mark.parametrize(
        ("set_", "host"),
        [
            ({"AISPEND_PUBLIC_URL": "https://Spend.example.com:8443/x"}, "spend.example.com"),
            ({"AISPEND_ALLOWED_HOSTS": "aispend, a.internal"}, "aispend:8080"),
            ({"AISPEND_ALLOWED_HOSTS": "aispend, a.internal"}, "A.internal"),
            ({"AISPEND_HOST": "box.internal"}, "box.internal:8080"),
        ],
    )
    def test_a_name_that_is_configured_is_ours(self, home, clock, set_, host):
        client = client_with(home, clock, **set_)

        assert client.get("/healthz", headers={"host": host}).status_code == 200
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 421

    @pytest.mark.parametrize("names", ["*", "a b", "a:80", "http://a", "a,,b", "-" * 64, ".a"])
    def test_what_is_no_name_cannot_be_configured(self, names):
        with pytest.raises(SettingsError, match="AISPEND_ALLOWED_HOSTS"):
            Settings.load({"AISPEND_ALLOWED_HOSTS": names}, None)


SITE = "https://finops.example.com"


PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}


class TestOtherSites:
    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", SITE])
    def test_none_may_read_unless_it_is_configured(self, client, origin):
        for answer in (
            client.get("/config", headers={"origin": origin}),
            client.options("/config", headers={"origin": origin, **PREFLIGHT}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"

    def test_one_that_is_configured_may_read_with_a_token_and_no_other(self, home, clock):
        client = client_with(home, clock, AISPEND_CORS_ORIGINS=f"{SITE},http://localhost:3000")
        answer = client.get("/config", headers={"origin": SITE})
        asked = client.options("/config", headers={"origin": SITE, **PREFLIGHT})
        other = client.get("/config", headers={"origin": f"{SITE}.evil.example"})
        asked_by_other = client.options("/config", headers={"origin": "https://evil.example", **PREFLIGHT})

        assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (SITE, "origin")
        assert (asked.status_code, asked.content) == (204, b"")
        assert asked.headers["access-control-allow-methods"] == "GET, HEAD"
        assert "authorization" in asked.headers["access-control-allow-headers"]
        for one in (answer, asked, other, asked_by_other):
            assert "access-control-allow-credentials" not in one.headers
            assert one.headers["vary"] == "origin"
        for one in (other, asked_by_other):
            assert not [name for name in one.headers if name.startswith("access-control")]
        assert_problem(asked_by_other, 405)

    def test_its_pages_see_every_header_that_the_document_speaks_of(self, home, clock):
        client = client_with(home, clock, AISPEND_CORS_ORIGINS=SITE)
        answer = client.get("/openapi.json", headers={"origin": SITE})

        operations = [one for path in answer.json()["paths"].values() for one in path.values()]
        told = {
            name.lower() for one in operations for of in one["responses"].values() for name in of.get("headers", ())
        }
        assert told - {"vary", "www-authenticate"} == {*answer.headers["access-control-expose-headers"].split(", ")}

    def test_its_pages_hear_why_they_are_refused_and_are_asked_for_the_token_first(self, home, clock):
        client = client_with(home, clock, AISPEND_CORS_ORIGINS=SITE, AISPEND_READ_TOKEN="x" * 16)

        assert client.options("/config", headers={"origin": SITE, **PREFLIGHT}).status_code == 204
        refused = client.get("/config", headers={"origin": SITE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, SITE)

    def test_its_pages_can_read_that_they_ask_too_often_or_that_we_fail(self, home, clock, monkeypatch):
        client = client_with(home, clock, AISPEND_CORS_ORIGINS=SITE, AISPEND_RATE_LIMIT="1")
        monkeypatch.setattr(state, "status_body", lambda *_: 1 / 0)
        answers = [client.get("/status", headers={"origin": SITE}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [500, 429]
        assert [answer.headers.get("access-control-allow-origin") for answer in answers] == [SITE, SITE]

    @pytest.mark.parametrize(
        "origins", ["*", "null", "https://a.example/", "http://a.example", "https://*.example", "a"]
    )
    def test_what_no_browser_says_or_anybody_can_fake_cannot_be_configured(self, origins):
        with pytest.raises(SettingsError, match="AISPEND_CORS_ORIGINS"):
            Settings.load({"AISPEND_CORS_ORIGINS": origins}, None)


ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def assert_safe(answer, policy: str = STRICT) -> None:
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["content-security-policy"] == policy
    assert len(answer.headers["x-request-id"]) == 16
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


class TestTheHeaders:
    @pytest.mark.parametrize(
        ("path", "kept"),
        [
            ("/healthz", "no-store"),
            ("/config", "no-store"),
            ("/status", "no-store"),
            ("/spend", "no-cache"),
            ("/openapi.json", "no-cache"),
            ("/nothing", "no-store"),
            ("/spend?from=x", "no-store"),
        ],
    )
    def test_they_are_on_every_answer_and_say_what_may_be_kept(self, client, path, kept):
        answer = client.get(path)

        assert_safe(answer)
        assert answer.headers["cache-control"] == kept

    @pytest.mark.parametrize("host", ["evil.example", ""])
    def test_they_are_on_what_is_refused_before_there_is_a_route(self, client, host):
        assert_safe(client.get("/spend", headers={"host": host}))

    def test_each_answer_has_an_id_that_the_client_did_not_choose(self, client):
        ids = {client.get("/healthz", headers={"x-request-id": "mine"}).headers["x-request-id"] for _ in range(3)}

        assert len(ids) == 3
        assert "mine" not in ids

    def test_the_page_runs_nothing_but_what_is_ours(self, client):
        answer = client.get("/")
        policy = answer.headers["content-security-policy"]
        assert_safe(answer, policy)

        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == ("'none'", "'self'", "'self'")
        assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert "unsafe-inline" not in rules["script-src"]
        scripts = re.findall(r"<script\b([^>]*)>([^<]*)</script>", answer.text)
        assert answer.text.count("<script") == len(scripts) == 2
        assert all('src="/dashboard/' in attributes and not inside for attributes, inside in scripts)
        assert " style=" not in answer.text and " on" not in re.sub(r">[^<]*<", "><", answer.text)

    def test_only_the_files_of_the_page_are_served(self, client):
        for name in ("main.js", "style.css", "plotly.js"):
            answer = client.get(f"/dashboard/{name}")
            assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
            known = client.get(f"/dashboard/{name}", headers={"if-none-match": answer.headers["etag"]})
            assert (known.status_code, known.content) == (304, b"")
        for name in ("files.py", "page.html", "__init__.py", "..%2Fservice%2Fapp.py", "%2Fetc%2Fpasswd"):
            assert client.get(f"/dashboard/{name}").status_code == 404

    def test_every_link_of_the_page_leads_somewhere(self, client):
        links = [part.split('"')[0] for part in client.get("/").text.split('href="/')[1:]]

        assert len(links) >= 4
        assert {client.get(f"/{link}").status_code for link in links} == {200}


class TestFailures:
    @pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
    def test_a_figure_that_is_none_is_a_failure_and_no_null(self, client, monkeypatch, figure):
        monkeypatch.setattr(state, "status_body", lambda *_: {"caps": [{"used": (1.0, figure)}]})

        answer = client.get("/status")

        assert_problem(answer, 500, "/status")
        assert_safe(answer)

    def test_the_id_in_the_answer_is_the_one_in_its_header(self, client, monkeypatch):
        monkeypatch.setattr(state, "status_body", lambda *_: 1 / 0)

        answer = client.get("/status")

        assert answer.headers["x-request-id"] in assert_problem(answer, 500)["detail"]

    def test_a_failure_is_logged_by_its_route_and_with_nothing_that_somebody_sent(self, client, monkeypatch, capsys):
        monkeypatch.setattr(evidence, "PROVIDERS", None)

        assert client.get("/providers/%1b%5b2J%0aevil/raw").status_code == 500
        said = capsys.readouterr().err
        assert "request.failed" in said
        assert "/providers/{name}/raw" in said
        assert "evil" not in said

    @pytest.mark.parametrize(
        "error", [OSError(24, "Too many open files"), RuntimeError("can't start new thread"), OSError(11, "again")]
    )
    def test_handles_and_threads_that_ran_out_are_told_apart_from_a_fault(self, client, monkeypatch, error):
        def run_out(*_: object) -> None:
            raise error

        monkeypatch.setattr(state, "status_body", run_out)

        answer = client.get("/status")

        assert assert_problem(answer, 503)["type"].endswith(":busy")
        assert answer.headers["retry-after"] == "1"
