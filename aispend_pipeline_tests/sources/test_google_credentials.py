"""Google's credentials, with Google's own library over loopback: each kind, each way to fail, and nothing is shown."""

import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.log import listened
from aispend_pipeline.model import Request
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.google_tokens import refresh_token, service_account_json
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources import google
from aispend_pipeline.sources.http import Caller, Limits, client

from .google_world import sample
from .scripted import FakeClock

SUBJECT = "a-token-of-somebody-elses-4f6d"
FLAVOR = {"metadata-flavor": "Google"}
QUICK = Limits(attempts=1)
AISPEND = "aispend@finops-1.iam.gserviceaccount.com"
IMPERSONATED = f"/v1/projects/-/serviceAccounts/{AISPEND}:generateAccessToken"
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Google:
    """Every endpoint that gives tokens, and one that takes them; `says` is answered instead, in turn, by path."""

    says: dict[str, list[Response]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    heard: list[Mapping[str, str]] = field(default_factory=list)  # the headers that came to the API
    given: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    lasts: int = 3599

    async def answer(self, request: Asked) -> Response:
        path, body = request.url.path, (await request.body()).decode()
        self.asked.append((path, dict(parse_qsl(body)) if "grant_type" in body else {}))
        if self.says.get(path):
            return self.says[path].pop(0)
        if path.endswith(":generateAccessToken"):
            return self.impersonated(request)
        return {"/api": self.api, "/": self.ping}.get(path, self.token)(request)

    def api(self, request: Asked) -> Response:
        self.heard.append(dict(request.headers))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.given or token in self.revoked:
            return sample("error_401_unauthenticated", 401)
        return JSONResponse({"well": "yes"})

    def token(self, request: Asked) -> Response:
        self.given.append(f"ya29.given-{len(self.given)}-5b1c")
        said = {"access_token": self.given[-1], "expires_in": self.lasts, "token_type": "Bearer"}
        return JSONResponse({**said, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}, 200, FLAVOR)

    def impersonated(self, request: Asked) -> Response:
        if request.headers["authorization"] != f"Bearer {self.given[-1]}":
            return sample("error_403_permission", 403)
        self.given.append(f"ya29.impersonated-{len(self.given)}-9e2d")
        return JSONResponse({"accessToken": self.given[-1], "expireTime": "2099-01-01T00:00:00Z"})

    def ping(self, request: Asked) -> Response:
        return Response(status_code=404)

    def paths(self, path: str) -> list[Mapping[str, str]]:
        return [said for where, said in self.asked if where == path]


@dataclass
class World:
    """A Google, where it is, and what asking it comes to; every error is kept, to be searched for secrets."""

    google: Google
    base: str
    folder: Path
    errors: list[str] = field(default_factory=list)

    def key(self, **more: Any) -> str:
        """A service account's key, each test's own, so that none has another one's token."""
        own = json.loads(service_account_json(self.base))
        return json.dumps({**own, "client_id": self.folder.name, **more})

    def file(self, text: str | bytes, name: str = "key.json") -> str:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def keychain(self, credentials: str = "") -> google.Keychain:
        return google.keychain(self.account(credentials), google.BIGQUERY)

    def ask(self, credentials: str = "", times: int = 1, limits: Limits = QUICK) -> FetchError | None:
        """Ask the API; what went wrong, if anything did."""
        endpoint = google.endpoint(self.account(credentials), self.base, google.BIGQUERY)
        clock = FakeClock()

        async def asked() -> None:
            async with client(limits) as http:
                caller = Caller(http, endpoint, clock, limits, clock.monotonic() + 600)
                for _ in range(times):
                    assert json.loads(await caller.page(Request("/api"))) == {"well": "yes"}

        try:
            asyncio.run(asked())
        except FetchError as error:
            assert "\n" not in str(error)
            self.errors.append(str(error))
            return error
        return None

    def account(self, credentials: str) -> Any:
        environment = {"GCP_BQ_PROJECT": "finops-1", "GCP_BQ_DATASET": "d", "GCP_BQ_TABLE": "t"}
        return Settings.load({**environment, "GCP_SA_JSON": credentials}, dotenv=None).vertex[0]


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, list[Google]]]:
    """Where the newest of some Googles is."""
    googles: list[Google] = []

    async def newest(request: Asked) -> Response:
        return await googles[-1].answer(request)

    with served(Starlette(routes=[Route("/{path:path}", newest, methods=["GET", "POST"])])) as base:
        yield base, googles


@pytest.fixture
def world(address, tmp_path, monkeypatch, caplog, capfd) -> Iterator[World]:
    """This machine has no credentials of its own; nothing secret is in anything that is said or written."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "CLOUDSDK_", "GCE_"))]:
        monkeypatch.delenv(name)
    base, googles = address
    googles.append(fake := Google())
    made = World(fake, base, tmp_path)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("GCE_METADATA_IP", made.base.removeprefix("http://"))
    monkeypatch.setenv("GCE_METADATA_HOST", made.base.removeprefix("http://"))
    caplog.set_level(logging.DEBUG)
    lines: list[str] = []
    with listened(lines.append):
        yield made
    said = "\n".join([*lines, *made.errors, caplog.text, *capfd.readouterr()])
    private = json.loads(made.key())["private_key"]
    assertions = [form["assertion"] for _, form in fake.asked if "assertion" in form]
    for secret in (private[40:80], *fake.given, *assertions, refresh_token(), SUBJECT, "BEGIN PRIVATE"):
        assert secret not in said


def failed(error: FetchError | None) -> tuple[ErrorClass, str]:
    assert error is not None
    return error.error_class, str(error)


class TestAServiceAccountsKey:
    @pytest.fixture(params=["as JSON", "as a file"])
    def key(self, request, world) -> str:
        return world.key() if request.param == "as JSON" else world.file(world.key())

    def test_is_exchanged_for_a_token_that_every_call_carries(self, world, key):
        assert world.ask(key, times=3) is None

        (form,) = world.google.paths("/token")
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert [headers["authorization"] for headers in world.google.heard] == [f"Bearer {world.google.given[0]}"] * 3

    def test_is_of_a_project_and_of_an_account(self, world, key):
        found = world.keychain(key).found()

        assert (found.project, found.whose) == ("aispend-sim", "default@aispend-sim.iam.gserviceaccount.com")
        assert (found.kind, found.secret) == ("a service account's key", True)
        assert found.file == (None if key.startswith("{") else Path(key))

    def test_all_who_ask_share_one_token(self, world, key):
        assert world.ask(key) is None
        assert world.ask(key) is None

        assert len(world.google.given) == 1

    def test_a_token_that_is_about_to_run_out_is_replaced_before_the_call(self, world, key):
        world.google.lasts = 60

        assert world.ask(key, times=2) is None
        assert [headers["authorization"] for headers in world.google.heard] == [
            f"Bearer {token}" for token in world.google.given
        ]
        assert len(world.google.given) == 2


class TestATokenThatIsRefused:
    def test_is_replaced_once_and_the_call_made_again(self, world):
        assert world.ask(world.key()) is None
        world.google.revoked.add(world.google.given[0])

        assert world.ask(world.key()) is None
        assert (len(world.google.given), len(world.google.heard)) == (2, 3)

    def test_and_whose_replacement_is_too_is_the_end(self, world):
        world.google.says["/api"] = [sample("error_401_unauthenticated", 401) for _ in range(9)]

        error_class, said = failed(world.ask(world.key(), limits=Limits(attempts=5)))

        assert error_class is ErrorClass.UNAUTHORIZED
        assert said.startswith("/api answered 401: Request had invalid authentication credentials.")
        assert said.endswith(" Give the account that GCP_SA_JSON stands for the roles that docs/providers.md lists.")
        assert (len(world.google.given), len(world.google.paths("/api"))) == (2, 2)

    def test_a_role_that_is_missing_is_no_reason_for_another_token(self, world):
        world.google.says["/api"] = [sample("error_403_permission", 403)]

        assert failed(world.ask(world.key()))[0] is ErrorClass.UNAUTHORIZED
        assert len(world.google.given) == 1


class TestTheTokenEndpoint:
    def test_that_says_no_is_asked_once_and_its_reason_told(self, world):
        world.google.says["/token"] = [sample("token_error_400_invalid_grant", 400) for _ in range(9)]

        error = world.ask(world.key(), limits=Limits(attempts=5))

        assert failed(error) == (
            ErrorClass.UNAUTHORIZED,
            "Google gives no token: invalid_grant: Invalid JWT Signature.",
        )
        assert len(world.google.paths("/token")) == 1

    @pytest.mark.parametrize("status", [500, 503, 429, 408])
    def test_that_is_in_trouble_is_asked_again_by_us_alone(self, world, status):
        world.google.says["/token"] = [JSONResponse({"error": "internal_failure"}, status) for _ in range(3)]

        error = world.ask(world.key(), limits=Limits(attempts=3))

        assert failed(error) == (
            ErrorClass.CONNECT,
            f"Google's token endpoint cannot be asked: 127.0.0.1 answered {status}",
        )
        assert len(world.google.paths("/token")) == 3

    def test_that_recovers_meanwhile_is_enough(self, world):
        world.google.says["/token"] = [Response(status_code=500), Response(status_code=502)]

        assert world.ask(world.key(), limits=Limits(attempts=5)) is None

    def test_that_is_not_there(self, world):
        error_class, said = failed(world.ask(world.key(token_uri=f"{NOWHERE}/token")))

        assert error_class is ErrorClass.CONNECT
        assert said.startswith("Google's token endpoint cannot be asked: 127.0.0.1: ")

    def test_that_never_answers_is_waited_for_no_longer_than_an_attempt(self, world):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            uri = f"http://127.0.0.1:{silent.getsockname()[1]}/token"
            error = world.ask(world.key(token_uri=uri), limits=Limits(attempt_seconds=0.2, attempts=1))

        assert failed(error) == (ErrorClass.TIMEOUT, "/api: no whole answer in 0.2 s")

    @pytest.mark.parametrize(
        "answer",
        [
            Response(b"<html>sign in</html>", 200, media_type="text/html"),
            Response(b"<html>forbidden</html>", 403, media_type="text/html"),
            Response(b"", 302, {"location": f"{NOWHERE}/token"}),
            JSONResponse({}),
            JSONResponse([]),
            JSONResponse("ya29"),
            JSONResponse({"access_token": "ya29.x", "expires_in": "soon"}),
            JSONResponse({"access_token": None, "expires_in": 3599}),
            JSONResponse({"access_token": {"a": 1}, "expires_in": 3599}),
            JSONResponse({"error": ["invalid_grant"]}, 400),
        ],
        ids=lambda answer: f"{answer.status_code} {answer.body.decode()[:40]}",
    )
    def test_that_says_something_else_gives_no_token(self, world, answer):
        world.google.says["/token"] = [answer]

        assert failed(world.ask(world.key()))[0] in (ErrorClass.UNAUTHORIZED, ErrorClass.UNEXPECTED_CONTENT)
        assert world.google.heard == []

    def test_that_repeats_what_it_was_sent_is_not_repeated(self, world):
        world.google.says["/token"] = [Repeated(), Repeated()]

        _, said = failed(world.ask(world.key()))
        assert said == "Google gives no token: invalid_grant: bad: [key]"


class Repeated(Response):
    """An answer that says what was asked; what is said of a JWT's shape is enough, its letters are whoever's."""

    body = json.dumps({"error": "invalid_grant", "error_description": "bad: eyJhbGciOi.eyJpc3Mi.c2ln_-bmF0"}).encode()

    def __init__(self) -> None:
        super().__init__(self.body, 400, media_type="application/json")


class TestAFile:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (None, "cannot be read (No such file or directory)"),
            ("", "holds no JSON"),
            (b"\xff\xfe{", "holds no JSON"),
            ("-----BEGIN PRIVATE KEY-----", "holds no JSON"),
            ('{"type": "service_account", "private_key":', "holds no JSON"),
            ("[" * 100_000, "holds no JSON"),
            ('["service_account"]', "holds JSON that is no credentials of Google's"),
            ("{}", "has the type 'None', which is none that is known here"),
            ('{"installed": {"client_secret": "x"}}', "has the type 'None', which is none that is known here"),
            ('{"type": "gdch"}', "has the type 'gdch', which is none that is known here"),
            ('{"type": "service_account"}', "is damaged, or lacks a part that its type has"),
            ('{"type": "authorized_user"}', "is damaged, or lacks a part that its type has"),
            ('{"type": "external_account"}', "is damaged, or lacks a part that its type has"),
            ('{"type": "external_account", "credential_source": 1}', "is damaged, or lacks a part that its type has"),
            ('{"type": "impersonated_service_account"}', "is damaged, or lacks a part that its type has"),
        ],
        ids=lambda text: str(text)[:50],
    )
    def test_that_cannot_be_used_says_why_and_what_to_set(self, world, text, what):
        path = str(world.folder / "key.json") if text is None else world.file(text)

        assert failed(world.ask(path, limits=Limits(attempts=5))) == (
            ErrorClass.UNAUTHORIZED,
            f"GCP_SA_JSON: {path} {what}; set GCP_SA_JSON to credentials of Google's, or unset it to take this"
            " machine's own",
        )

    def test_that_is_a_folder(self, world):
        assert "cannot be read (Is a directory)" in failed(world.ask(str(world.folder)))[1]

    def test_whose_key_is_damaged_is_not_quoted(self, world):
        damaged = world.key().replace("\\nM", "\\n%%", 1)

        assert "is damaged" in failed(world.ask(world.file(damaged)))[1]
        assert "is damaged" in failed(world.ask(damaged))[1]

    def test_that_is_none_and_may_be_a_token_is_not_named(self, world):
        _, said = failed(world.ask("1//a-refresh-token-that-was-taken-for-a-path"))

        assert said.startswith("GCP_SA_JSON: the file that it names cannot be read (No such file or directory); ")

    def test_may_come_later(self, world):
        path = str(world.folder / "key.json")
        assert world.ask(path) is not None

        world.file(world.key())
        assert world.ask(path) is None


def workload_identity(world: World, **more: str) -> str:
    config = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/locations/global/workloadIdentityPools/pool/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{world.base}/sts",
        "credential_source": {"file": world.file(SUBJECT, "subject_token")},
        **more,
    }
    return json.dumps(config)


def login(world: World, **more: str) -> str:
    """A person's login, whose token is still good: Google's library asks for a new one at Google's own address."""
    world.google.given.append("ya29.of-a-person-7c3a")
    held = {"token": world.google.given[-1], "expiry": "2099-01-01T00:00:00Z", "refresh_token": refresh_token()}
    config = {"type": "authorized_user", "client_id": "c", "client_secret": "s-of-gcloud-81", **held}
    return json.dumps({**config, **more})


class TestWithoutAKey:
    @pytest.fixture(params=["set", "of the machine"])
    def given(self, request, world, monkeypatch) -> Callable[[str], str]:
        """Gives credentials as a setting, or as the machine's own; then the setting is empty."""

        def give(text: str) -> str:
            if request.param == "set":
                return world.file(text, "given.json")
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", world.file(text, "given.json"))
            return ""

        return give

    def test_workload_identity_exchanges_somebody_elses_token(self, world, given):
        credentials = given(workload_identity(world))

        assert world.ask(credentials, times=2) is None
        (form,) = world.google.paths("/sts")
        assert (form["subject_token"], form["scope"]) == (SUBJECT, google.BIGQUERY)
        found = world.keychain(credentials).found()
        assert (found.kind, found.secret, found.whose) == ("workload identity", False, None)
        assert found.file == world.folder / "given.json"

    def test_workload_identity_may_stand_for_a_service_account(self, world, given):
        credentials = given(workload_identity(world, service_account_impersonation_url=world.base + IMPERSONATED))

        assert world.ask(credentials) is None
        assert [path for path, _ in world.google.asked] == ["/sts", IMPERSONATED, "/api"]
        assert world.google.heard[0]["authorization"].startswith("Bearer ya29.impersonated-")
        assert world.keychain(credentials).found().whose == AISPEND

    def test_a_service_account_that_it_may_not_stand_for(self, world, given):
        credentials = given(workload_identity(world, service_account_impersonation_url=world.base + IMPERSONATED))
        world.google.says[IMPERSONATED] = [sample("error_403_permission", 403)]

        assert failed(world.ask(credentials)) == (
            ErrorClass.UNAUTHORIZED,
            "Google gives no token: Unable to acquire impersonated credentials The caller does not have permission",
        )

    def test_a_token_of_somebody_elses_that_is_not_there(self, world, given):
        credentials = given(workload_identity(world))
        (world.folder / "subject_token").unlink()

        error_class, said = failed(world.ask(credentials))
        assert error_class is ErrorClass.UNAUTHORIZED
        assert said.startswith("Google gives no token: ")

    def test_an_exchange_that_is_refused(self, world, given):
        told = {"error": "invalid_grant", "error_description": "The audience in ID Token does not match."}
        world.google.says["/sts"] = [JSONResponse(told, 400)]

        assert failed(world.ask(given(workload_identity(world)))) == (
            ErrorClass.UNAUTHORIZED,
            "Google gives no token: Error code invalid_grant: The audience in ID Token does not match.",
        )

    def test_an_impersonated_service_account_is_known_by_its_name(self, world, given):
        config = {"type": "impersonated_service_account", "source_credentials": json.loads(login(world))}
        credentials = given(json.dumps({**config, "service_account_impersonation_url": world.base + IMPERSONATED}))

        found = world.keychain(credentials).found()
        assert (found.kind, found.whose, found.secret) == ("an impersonated service account", AISPEND, True)

    def test_a_persons_login_says_which_project_pays_for_it(self, world, given):
        assert world.ask(given(login(world, quota_project_id="pays-1"))) is None

        assert world.google.heard[0]["x-goog-user-project"] == "pays-1"

    def test_a_persons_login_without_one_warns_nobody(self, world, given):
        of_gcloud = "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com"
        credentials = given(login(world, client_id=of_gcloud))

        assert world.ask(credentials) is None
        found = world.keychain(credentials).found()
        assert (found.kind, found.whose, found.project) == ("a person's login", None, None)
        assert "x-goog-user-project" not in world.google.heard[0]


ATTACHED = """
from aispend_pipeline.sources import google
keychain = google.Keychain("", google.BIGQUERY)
print(keychain.headers()["authorization"].startswith("Bearer ya29.given-"))
found = keychain.found()
print(found.project, found.kind, found.file, found.whose, sep=chr(10))
"""


class TestTheMachinesOwn:
    def test_gclouds_file_is_found(self, world):
        (world.folder / "gcloud").mkdir()
        path = world.file(login(world), "gcloud/application_default_credentials.json")

        assert world.ask() is None
        assert world.keychain().found().file == Path(path)

    def test_a_service_account_attached_to_the_machine_is_found(self, world):
        """In a process of its own: where the metadata server is, Google's library looks only once."""
        world.google.says["/"] = [Response(headers=FLAVOR)]
        world.google.says["/computeMetadata/v1/project/project-id"] = [PlainTextResponse("attached-1", 200, FLAVOR)]
        account = {"email": "vm@attached-1.iam.gserviceaccount.com", "scopes": [google.BIGQUERY]}
        world.google.says["/computeMetadata/v1/instance/service-accounts/default/"] = [
            JSONResponse(account, 200, FLAVOR) for _ in range(3)
        ]

        done = subprocess.run([sys.executable, "-c", ATTACHED], capture_output=True, text=True, timeout=60)

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "True",
            "attached-1",
            "the service account of this machine (metadata server)",
            "None",
            "vm@attached-1.iam.gserviceaccount.com",
        ]
        assert len(world.google.given) == 1

    def test_none_at_all_is_one_sentence(self, world):
        assert failed(world.ask(limits=Limits(attempts=5))) == (
            ErrorClass.UNAUTHORIZED,
            "no credentials of Google's were found on this machine; set GCP_SA_JSON, or run: gcloud auth"
            " application-default login",
        )

    @pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"type": "service_account"}', "1"], ids=str)
    def test_a_file_that_is_named_and_cannot_be_used_is_named_again(self, world, monkeypatch, text):
        path = str(world.folder / "key.json") if text is None else world.file(text)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)

        error_class, said = failed(world.ask())
        assert error_class is ErrorClass.UNAUTHORIZED
        assert said.startswith(f"GOOGLE_APPLICATION_CREDENTIALS: {path} holds ")
        assert said.endswith("; set GCP_SA_JSON to credentials of Google's, or unset it to take this machine's own")

    def test_a_folder_that_is_named_cannot_be_read(self, world, monkeypatch):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(world.folder))

        assert " cannot be read (Is a directory); " in failed(world.ask())[1]

    def test_a_key_that_is_set_wins(self, world, monkeypatch):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", world.file(login(world), "machine.json"))

        assert world.ask(world.key()) is None
        assert re.fullmatch(r"urn:ietf:.*jwt-bearer", world.google.paths("/token")[0]["grant_type"])


def test_nobody_can_read_a_key_out_of_what_asks_with_it(world):
    endpoint = google.endpoint(world.account(world.key()), world.base, google.BIGQUERY)

    world.errors += [repr(endpoint), str(endpoint), repr(endpoint.credentials)]
    assert endpoint.redacted(f"it is {json.loads(world.key())['private_key']}") == "it is [key]"
