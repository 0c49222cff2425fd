"""The demo's inbox: what arrives is shown as it was meant, as text, newest first; the page loads nothing of others."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aispend_pipeline.alerts import hook, mail, signature, slack
from aispend_pipeline.caps.model import EventType
from aispend_pipeline.simulator.inbox import Inbox, Message

from ..alerts.samples import AT, TOP, cap_event
from ..service.world import StandingClock

KEY, OTHER = b"k" * 32, b"o" * 32
LINK = "https://spend.example/?a=1&b=2"
LOCAL = "http://127.0.0.1"


def inbox() -> tuple[TestClient, list[Message]]:
    """One that nothing has arrived in, and what it tells."""
    told: list[Message] = []
    return TestClient(Inbox(StandingClock(), [KEY], told.append).app(), base_url=LOCAL), told


def post(client: TestClient, to: str, body: bytes, **headers: str) -> int:
    return client.post(f"/{to}", content=body, headers={"aispend-id": "dlv_1", **headers}).status_code


def triggered(client: TestClient, key: bytes = KEY) -> int:
    body = hook.body(cap_event(EventType.TRIGGERED, arming=1), "b7c1")
    return post(client, "hook", body, **signature.headers("evt_9", AT, body, [key]))


def shown(page: str) -> list[str]:
    """The words of each message."""
    articles = re.findall(r"<article.*?<details>", page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "\n", article)) for article in articles]


def test_slack_mail_and_the_webhook_read_as_they_were_meant():
    client, told = inbox()
    event = cap_event(top=TOP[:1])

    assert post(client, "slack", slack.body("msg_1", [event], [], LINK)) == 200
    assert post(client, "mail", mail.body("msg_1", [event], [], LINK, "b7c1", AT)) == 200
    assert triggered(client) == 200

    machine, letter, chat = shown(client.get("/").text)
    assert "openai reached its hard cap: 100.40 of 100.00 USD in 2026-11" in chat
    assert "dlv_1" in chat
    assert "Research" in chat
    assert f'<a href="{html.escape(LINK)}">Open the dashboard</a>' in client.get("/").text
    assert "[aispend] openai reached its hard cap" in letter
    assert f"dashboard: {LINK}" in letter
    assert "hardcap.triggered" in machine
    assert "evt_9" in machine
    assert "signature valid" in machine
    assert "100.40" in machine
    assert [message.channel for message in told] == ["Slack", "Mail", "Webhook"]


@pytest.mark.parametrize("headers", [{"webhook-signature": "v1,AAAA"}, {"webhook-signature": ""}, {}])
def test_a_webhook_that_is_not_signed_by_us_is_said_to_be_so(headers):
    client, told = inbox()
    assert (
        post(client, "hook", b'{"type":"x","data":{}}', **{"webhook-id": "e", "webhook-timestamp": "1"}, **headers)
        == 200
    )
    assert triggered(client, OTHER) == 200

    assert [message.genuine for message in told] == [False, False]
    assert client.get("/").text.count("signature not valid") == 2


@pytest.mark.parametrize("to", ["slack", "mail", "hook"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"blocks":[]}', b'{"blocks":[1],"type":1,"text":2}'])
def test_what_cannot_be_read_is_refused_and_shown_nowhere(to, body):
    client, told = inbox()

    assert post(client, to, body) == 400
    assert told == []
    assert "<article" not in client.get("/").text


@settings(max_examples=30)
@given(st.text(), st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</pre><b>", ""]))
def test_nothing_that_arrives_becomes_markup(name, end):
    client, _ = inbox()
    event = cap_event(top=[TOP[0] | {"project_name": name + end, "api_key_name": end + name}])
    post(client, "slack", slack.body("msg_1", [event], [], LINK))
    post(client, "mail", mail.body("msg_1", [event], [], LINK, name + end, AT))

    page = client.get("/messages").text
    assert set(re.findall(r"<(/?[a-zA-Z0-9]+)", page)) <= {
        f"{slash}{tag}"
        for tag in "article header b time code h2 p small a strong details summary pre".split()
        for slash in ("", "/")
    }
    assert "onerror" not in re.sub(r">[^<]*<", "><", page)


def test_the_page_asks_for_what_is_newer_only_and_goes_on_after_a_new_start():
    client, told = inbox()
    triggered(client)
    first = told[-1].number
    triggered(client)

    assert client.get(f"/messages?after={first}").text.count("<article") == 1
    assert client.get(f"/messages?after={first + 1}").text == ""
    assert client.get("/messages?after=x").text.count("<article") == 2
    later = Inbox(StandingClock(StandingClock().now().replace(year=2027)), [KEY])
    assert later.message("Slack", "1", "", "", b"{}").number > first + 1


def test_the_page_may_load_its_own_two_files_and_nothing_else():
    client, _ = inbox()
    page = client.get("/")

    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["data:,", "inbox.css", "inbox.js"]
    assert not re.search(r"<script(?! src)|style=|\son\w+=", page.text)
    for file in loaded[1:]:
        assert client.get(f"/{file}").status_code == 200
        assert "http" not in client.get(f"/{file}").text


def test_it_is_for_this_machine_alone():
    client, _ = inbox()

    assert client.get("/", headers={"host": "rebound.example"}).status_code == 400
