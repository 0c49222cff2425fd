"""No line has a secret, or a word of what a provider or a receiver said, whatever goes wrong."""

import base64
import json
from urllib.parse import quote

from starlette.testclient import TestClient

from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.log import log
from aispend_pipeline.names.reading import read_names
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.settings.concealed import secret_texts
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.alerts.receivers import http_receiver, status
from aispend_pipeline_tests.conftest import KEY
from aispend_pipeline_tests.sources.scripted import (
    SETTLED,
    Answer,
    FakeClock,
    Script,
    bucket,
    costs,
    cut,
    days,
    page,
    result,
    scripted,
)
from aispend_pipeline_tests.sources.store import Store

CANARY = "canary-Xq81"
ADMIN, READ, WRONG = "an-admin-token-5d0b7e61", "a-read-token-2f9c4418", "a-wrong-token-77aa19"
HOOK = "whsec_" + base64.b64encode(b"the key of the hook 0123").decode()
SLACK_PATH = "/services/T0/B0/slack-secret-83ff"
SECRETS = (ADMIN, READ, WRONG, HOOK, HOOK.removeprefix("whsec_"), SLACK_PATH, CANARY)
HASTY = Limits(attempts=2, attempt_seconds=5)

GOOD = days(SETTLED)


def test_words_of_an_address_stay_words_and_what_is_no_word_does_not():
    def conceals(path: str) -> set[str]:
        made = Settings.load({"ON_HARDCAP_WEBHOOK": f"https://hooks.example/{path}"}, None)
        return {*secret_texts(made)} - {f"https://hooks.example/{path}"}

    assert conceals("hardcap") == conceals("anthropic/hard-cap") == set()
    for path in ("services/T0/B0/x9", "hook?key=abc", "abcdefghijklmnop", "a1"):
        assert path in conceals(path)


def refusal(key: str) -> bytes:
    return json.dumps({"error": {"message": f"Incorrect key {key}: {CANARY}", "code": CANARY}}).encode()


def of_each_day(**more: object) -> Script:
    return costs([page(*(bucket(day, result(**more)) for day in SETTLED.days()))])


def scripts(key: str) -> dict[str, Script]:
    """What a provider may do, by the name of the account to which it does it; `key` is that account's own."""
    redirect = [("location", f"https://{CANARY}.example/{key}")]
    return {
        "well": costs([GOOD]),
        "refused": lambda asked: Answer(refusal(key), status=401),
        "refused_in_words": lambda asked: Answer(f"<p>{CANARY} {key}</p>".encode(), status=400),
        "redirected": lambda asked: Answer(b"", status=302, headers=redirect),
        "broken": lambda asked: Answer(f"<html>{CANARY}".encode()),
        "half": lambda asked: Answer(GOOD, wire=cut(40)),
        "down": lambda asked: Answer(refusal(key), status=500),
        "too_often": lambda asked: Answer(refusal(key), status=429, headers=[("retry-after", CANARY)]),
        "other_shape": lambda asked: Answer(json.dumps({"object": "page", "data": CANARY}).encode()),
        "key_back": lambda asked: Answer(json.dumps({"object": "page", "data": [], "note": key}).encode()),
        "twice": lambda asked: Answer(f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode()),
        "odd_amount": of_each_day(value=f'"{CANARY}"'),
        "odd_currency": of_each_day(currency=CANARY),
        "odd_line": of_each_day(line_item=CANARY),
        "no_end": lambda asked: Answer(page(more=CANARY)),
    }


KEYS = {name: f"sk-admin-{name}-7d1f0c" for name in scripts("")}
SCRIPTS = {f"Bearer {key}": scripts(key)[name] for name, key in KEYS.items()}


def test_reading_and_adding_up_log_nothing_secret_whatever_the_provider_does(home, written):
    own = {f"OPENAI_API_KEY__{name.upper()}": key for name, key in KEYS.items()}
    with scripted(lambda asked: SCRIPTS[asked.headers["authorization"]](asked)) as provider:
        store = Store(home, provider.base_url, **own, OPENAI_API_KEY="")
        fetches = store.ingest(limits=HASTY)
        read_names(store.settings, store.warehouse, clock=store.clock, limits=HASTY)

    assert {fetch.account for fetch in fetches} == set(KEYS)
    assert {line["account"] for line in written.events("fetch.done")} == set(KEYS)
    assert {line["account"] for line in written.events("names.read")} == set(KEYS)
    assert [secret for secret in (*SECRETS, *KEYS.values()) if secret in written.all()] == []


def test_what_failed_is_told_by_class_and_status(home, written):
    with scripted(scripts(KEY)["refused"]) as provider:
        (fetch,) = Store(home, provider.base_url).ingest()

    (told,) = written.events("fetch.done")
    assert (told["error_class"], told["error"]) == ("unauthorized", "/organization/costs answered 401")
    assert CANARY in fetch.error  # what was said is in the store


def test_deliveries_log_nothing_secret_and_not_what_the_receiver_says(home, written):
    with scripted(costs([GOOD])) as provider, http_receiver() as receiver:
        receiver.moods += [status(404, f"{CANARY} {SLACK_PATH} {HOOK}".encode())] * 2
        store = Store(
            home,
            provider.base_url,
            OPENAI_HARD_CAP="1",
            SLACK_WEBHOOK_URL=receiver.url(SLACK_PATH),
            ON_HARDCAP_WEBHOOK=receiver.url(f"/hook?key={CANARY}"),
            AISPEND_HOOK_SECRET=HOOK,
            AISPEND_HEARTBEAT_URL=receiver.url(f"/beat/{CANARY}"),
        )
        store.ingest()
        notify(store.settings, store.clock)

    assert {one["outcome"] for one in written.events("alert.failed")} == {"dead"}
    assert [secret for secret in (*SECRETS, KEY) if secret in written.all()] == []


HEADERS = [
    {"authorization": f"Bearer {WRONG}"},
    {"authorization": f"Bearer {ADMIN}"},
    {"authorization": "Basic " + base64.b64encode(f"me:{READ}".encode()).decode()},
    {"cookie": CANARY, "user-agent": CANARY, "x-request-id": CANARY, "referer": CANARY},
]
PATHS = ["/spend", "/status", "/metrics", "/providers/openai/raw", f"/providers/{CANARY}/raw", f"/{CANARY}"]


def test_requests_log_nothing_of_their_path_query_and_headers(home, written):
    own = {"AISPEND_HOME": str(home), "OPENAI_API_KEY": KEY, "ADMIN_TOKEN": ADMIN, "AISPEND_READ_TOKEN": READ}
    settings, clock = Settings.load(own, None), FakeClock()
    Warehouse(home, clock).publish()
    client = TestClient(create_app(settings, clock), raise_server_exceptions=False, base_url="http://127.0.0.1")
    for headers in HEADERS:
        for path in PATHS:
            client.get(path, headers=headers)
            odd = {"token": WRONG, "from": CANARY, CANARY: READ, "model": ADMIN}
            client.get(path, headers=headers, params=odd)
        client.post("/test/alert", headers=headers, params={"hook": CANARY}, content=f"{READ} {CANARY}")

    assert len(written.events("request.done")) == len(HEADERS) * (2 * len(PATHS) + 1)
    hidden = (*SECRETS, KEY, *(headers.get("authorization", CANARY).split()[-1] for headers in HEADERS))
    assert [secret for secret in hidden if secret in written.all()] == []


def test_a_secret_of_the_settings_is_taken_out_of_whatever_line_it_is_in(written):
    smtp = f"smtp://me:{quote('p@ss/word-1', safe='')}@mail.example?to=a@x.org"
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN\nMIIEvQIBADANB\nggSjAgEAAoIB\n-----END\n"})
    google = {"GCP_SA_JSON": key, "GCP_BUDGET_NAME": "billingAccounts/01AAAA-BBBBBB-CCCCCC/budgets/b1"}
    others = {"OPENAI_API_KEY": 'sk-"quoted"-key', "AISPEND_SMTP_URL": smtp, "ADMIN_TOKEN": ADMIN}
    Settings.load({**google, **others, "AISPEND_HOOK_SECRET": HOOK}, None)

    hidden = ['sk-"quoted"-key', "p@ss/word-1", "p%40ss%2Fword-1", "ggSjAgEAAoIB", ADMIN, HOOK]
    log.error("fault", what=f"a {hidden[0]}", error=[f"in a list {text}" for text in hidden], where={ADMIN: HOOK})

    text = written.all()
    assert [secret for secret in hidden if secret in text or json.dumps(secret)[1:-1] in text] == []
    (line,) = written.events("fault")
    assert line["what"] == "a [key]"


def test_what_is_public_of_the_settings_is_not_hidden():
    google = {
        "GCP_SA_JSON": "/etc/google/key.json",
        "GCP_BUDGET_NAME": "billingAccounts/01AAAA-BBBBBB-CCCCCC/budgets/b1",
    }
    made = Settings.load({"SLACK_WEBHOOK_URL": f"https://hooks.slack.com{SLACK_PATH}", **google}, None)

    texts = list(secret_texts(made))
    assert set(texts) == {f"https://hooks.slack.com{SLACK_PATH}", SLACK_PATH.lstrip("/")}
