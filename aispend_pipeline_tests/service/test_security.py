"""The whole service in a process of its own, as somebody finds it who means no good."""

import base64
import json
from collections.abc import Iterator

import httpx
import pytest

from aispend_pipeline.settings import ACCOUNT_TYPES, Settings

from .bounded import PATIENCE, Bounded, bounded
from .routes import every_path
from .test_guard import assert_safe
from .test_refusals import assert_problem
from .world import DAYS

MARK = "Zq7"
READ, ADMIN = f"{MARK}-read-me-and-more", f"{MARK}-let-me-in-and-more"
BEARER, OFFICER = {"authorization": f"Bearer {READ}"}, {"authorization": f"Bearer {ADMIN}"}
SITE = "https://finops.example.com"
# What a reader hears at what is the admin's.
OF_THE_ADMIN = {
    "/test/alert": 405,
    "/admin/recompute": 405,
    "/admin/recompute/none": 401,
    "/admin/alerts/none/retry": 405,
    "/admin/alerts/none/drop": 405,
}
NOT_THERE = {"/alerts/none": 404}
# A value with `MARK` in it that each kind of secret accepts; the others take any word.
FIT = {
    "AISPEND_READ_TOKEN": READ,
    "ADMIN_TOKEN": ADMIN,
    "AISPEND_SMTP_URL": f"smtps://{MARK}:{MARK}@mail.example:465?from={MARK}@a.example&to={MARK}@b.example",
    "AISPEND_HOOK_SECRET": "whsec_" + base64.b64encode(f"{MARK}-and-more-and-more-and-more".encode()).decode(),
    "GCP_SA_JSON": json.dumps({"type": "service_account", "private_key": MARK}),
}


def secrets() -> dict[str, str]:
    """Every setting that is a secret, set."""
    found = {}
    for model in (Settings, *ACCOUNT_TYPES):
        for field in model.model_fields.values():
            if field.alias and "Secret" in str(field.annotation):
                address = (
                    f"http://127.0.0.1:9/{MARK}?key={MARK}" if "Address" in str(field.annotation) else MARK + "-key"
                )
                found[field.alias] = FIT.get(field.alias, address)
    return found


@pytest.fixture(scope="module")
def service(settings, tmp_path_factory) -> Iterator[Bounded]:
    """Over a home with figures, every secret set, and one site that may read."""
    set_ = {
        **secrets(),
        "AISPEND_CORS_ORIGINS": SITE,
        "GCP_BQ_PROJECT": "finops-1",
        "GCP_BQ_DATASET": "billing",
        "GCP_BQ_TABLE": "export",
    }
    with bounded(settings.home, tmp_path_factory.mktemp("secure"), **set_) as made:
        yield made
    assert MARK not in made.log.read_text()


@pytest.fixture(scope="module")
def http(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.base, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def paths(http) -> list[str]:
    """Every path that there is."""
    asked = {"from": DAYS.first, "to": DAYS.last, "limit": 1}
    (page,) = http.get("/providers/openai/raw", params=asked, headers=BEARER).raise_for_status().json()["items"]
    return [*every_path(page_id=page["id"]), "/openapi.json"]


class TestSecrets:
    def test_there_are_all_that_are_meant(self):
        assert {
            "ADMIN_TOKEN",
            "AISPEND_READ_TOKEN",
            "AISPEND_HOOK_SECRET",
            "AISPEND_SMTP_URL",
            "SLACK_WEBHOOK_URL",
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GCP_SA_JSON",
        } <= {*secrets()}

    def test_the_settings_say_that_each_is_set_and_nothing_about_it(self, http):
        answer = http.get("/config", headers=BEARER)

        shown = answer.json()
        for name in secrets():
            assert shown[name] in ("set", "http://127.0.0.1:9", "smtps://mail.example:465"), name
        assert MARK not in answer.text

    @pytest.mark.parametrize("headers", [{}, BEARER, OFFICER, {"authorization": "Bearer " + MARK}], ids=len)
    def test_no_answer_has_a_character_of_one(self, http, paths, headers):
        for path in [*paths, "/nothing", "/spend?from=x"]:
            answer = http.get(path, headers=headers)

            assert MARK not in answer.text + str(answer.headers), path


class TestDoors:
    def test_every_route_is_closed_but_that_the_process_answers(self, http, paths):
        closed = {path: http.get(path).status_code for path in paths}
        opened = {path: http.get(path, headers=BEARER).status_code for path in paths}

        assert closed == {path: 200 if path == "/healthz" else 401 for path in paths}
        assert opened == {path: {**OF_THE_ADMIN, **NOT_THERE}.get(path, 200) for path in paths}
        for_admins = {path for path, status in OF_THE_ADMIN.items() if status == 405}
        assert {http.post(path, headers=BEARER).status_code for path in for_admins} == {401}

    @pytest.mark.parametrize(
        "lines",
        [
            b"",
            b"authorization: Bearer " + b"x" * 10_000,
            b"authorization: Bearer " + READ.encode() + b"\r\nauthorization: Bearer " + READ.encode(),
            b"authorization: Bearer " + READ.encode() + b"\r\nAUTHORIZATION: Basic x",
            b"authorization: Basic \xff\xfe",
            b"authorization: Bearer \xc3\xa9",
            b"authorization:",
            b"authorization:\t",
            b"x-authorization: Bearer " + READ.encode(),
        ],
        ids=range(9),
    )
    def test_what_is_not_just_the_token_is_refused_and_breaks_nothing(self, service, lines):
        head = b"GET /spend HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"

        assert service.raw(head + lines + b"\r\n" * (2 if lines else 1)).startswith(b"HTTP/1.1 401 ")

    def test_a_browser_may_ask_a_person_for_it(self, service):
        with httpx.Client(base_url=service.base, auth=("anybody", READ), timeout=PATIENCE) as browser:
            assert browser.get("/spend").status_code == 200
            for origin in ({}, {"origin": "https://evil.example"}, {"origin": SITE}):
                assert_problem(browser.post("/test/alert", headers=origin), 401, "/test/alert")

    def test_a_name_that_leads_here_opens_nothing(self, http):
        for host in ("evil.example", "localhost.evil.example", "192.0.2.1"):
            assert_problem(http.get("/spend", headers={**BEARER, "host": host}), 421, "/spend")

    @pytest.mark.parametrize("names", [b"", b"host: localhost\r\n" * 2, b"host: localhost\r\nhost: evil.example\r\n"])
    def test_who_says_no_name_or_two_is_refused(self, service, names):
        sent = b"GET /healthz HTTP/1.1\r\nconnection: close\r\n" + names + b"\r\n"

        assert service.raw(sent).startswith(b"HTTP/1.1 400 ")

    def test_of_other_sites_only_the_one_that_is_named_may_read_and_none_may_write(self, http):
        read = {
            origin: http.get("/spend", headers={**BEARER, "origin": origin})
            for origin in (SITE, "https://evil.example")
        }
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        write = http.options("/test/alert", headers={"origin": SITE, **asked})

        allowed = [origin for origin, one in read.items() if one.headers.get("access-control-allow-origin")]
        assert allowed == [SITE]
        assert "POST" not in write.headers["access-control-allow-methods"]


class TestAnswers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nothing", 404),
            ("GET", "/spend?from=2026-02-31", 422),
            ("GET", "/spend?from=" + "9" * 20_000, 422),
            ("GET", "/spend?nonsense=1", 422),
            ("GET", "/providers/nobody/raw", 404),
            ("GET", "/providers/..%2f..%2fetc%2fpasswd/raw", 404),
            ("GET", "/providers/openai/raw?cursor=forged", 400),
            ("POST", "/spend", 405),
            ("OPTIONS", "/spend", 405),
            ("TRACE", "/spend", 405),
        ],
    )
    def test_every_error_is_a_problem_and_safe(self, http, method, path, status):
        answer = http.request(method, path, headers=BEARER)

        assert_problem(answer, status)
        assert_safe(answer)
        if status == 405:
            assert answer.headers["allow"] == "GET, HEAD"

    def test_head_has_the_headers_and_nothing_else(self, http, paths):
        for path in {*paths} - {*OF_THE_ADMIN, *NOT_THERE}:
            got, head = http.get(path, headers=BEARER), http.head(path, headers=BEARER)

            assert (head.status_code, head.content) == (200, b""), path
            names = {*got.headers} - {"date", "x-request-id", "content-length"}
            assert {name: head.headers.get(name) for name in names} == {name: got.headers[name] for name in names}, path

    @pytest.mark.parametrize("path", ["/spend", "/drift", "/openapi.json"])
    def test_who_has_it_already_is_told_so(self, http, path):
        tag = http.get(path, headers=BEARER).headers["etag"]
        answer = http.get(path, headers={**BEARER, "if-none-match": tag})

        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize(
        "body",
        [b"{}", b"{", b"[" * 10_000, b"hook=true", b"\xff\xfe", b"x" * 70_000],
        ids=lambda body: f"{body[:2]!r} {len(body)}",
    )
    @pytest.mark.parametrize(("method", "path"), [("GET", "/spend"), ("POST", "/test/alert")])
    def test_a_body_is_refused_whatever_it_is(self, http, method, path, body):
        for kind in ("application/json", "text/plain", "multipart/form-data"):
            answer = http.request(method, path, content=body, headers={**OFFICER, "content-type": kind})
            assert answer.status_code in (413, 422)
            assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.long
    def test_50_mb_are_refused_and_not_kept(self, service, http):
        before = service.megabytes()
        for method, path in (("POST", "/test/alert"), ("POST", "/spend"), ("GET", "/spend"), ("PUT", "/nothing")):
            answer = httpx.request(method, service.base + path, content=b"x" * 50_000_000, headers=OFFICER)
            assert answer.status_code in (404, 405, 413, 422)

        assert service.megabytes() - before < 20
