"""A mail: a subject that fits and is one line, a text that can be read, and the events for machines."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.alerts import mail
from aispend_pipeline.caps.model import EventType, Level
from aispend_pipeline_tests.alerts.samples import AT, a_test, cap_event, ingest_event

LINK = "https://spend.example/"
steady = settings(deadline=None, derandomize=True)
soft = cap_event(level=Level.SOFT, prev=Level.OK, scope="global", total="80.00")


def read(events, carried=(), link=LINK):
    return json.loads(mail.body("msg_abc", events, list(carried), link, "b7c1", AT))


def test_a_mail_reads_like_this():
    failing = ingest_event(EventType.INGEST_FAILING)
    assert read([soft, cap_event(top=[])], [failing])["text"].splitlines() == [
        "openai reached its hard cap: 100.40 of 100.00 USD in 2026-11",
        "  - since 2026-11-10 11:05 UTC, because more was spent",
        "  - billed through: openai 2026-11-10 (so far)",
        "",
        "global reached its soft cap: 80.00 of 80.00 USD in 2026-11",
        "  - since 2026-11-10 11:05 UTC, because more was spent",
        "  - its hard cap: 80.00 of 100.00 USD",
        "  - most: 61.20 USD on gpt-5.4, project Research (proj_a), key ana-notebook (key_a); 40.10 since yesterday",
        "  - then: 22.71 USD on gpt-5.4-mini, project proj_b; nothing since yesterday",
        "  - then: 9.10 USD for which no model, project or key is named",
        "  - billed through: openai 2026-11-10 (so far)",
        "",
        "not delivered earlier:",
        "  - 2026-11-10 11:05 UTC the spend of openai default cannot be read",
        "",
        "dashboard: https://spend.example/",
        "",
        "from aispend b7c1",
        "msg_abc",
    ]


def test_the_subject_is_the_gravest_headline():
    subject = read([soft, cap_event()])["subject"]
    assert subject == "[aispend] openai reached its hard cap: 100.40 of 100.00 USD in 2026-11; 1 more below"


def test_without_a_link_and_without_older_events_there_is_no_word_of_them():
    text = read([a_test()], link=None)["text"]
    assert "dashboard" not in text
    assert "not delivered" not in text


def test_threads_are_named_once_each_and_in_order():
    events = [cap_event(scope=scope) for scope in "fbdacefb"]
    assert read(events)["threads"] == [f"{scope}/2026-11" for scope in "abcdef"]


def test_machines_find_every_event_as_it_is_stored():
    mailed = read([soft, cap_event()])
    assert {name: mailed[name] for name in ("id", "created_at", "instance")} == {
        "id": "msg_abc",
        "created_at": "2026-11-10T11:05:00Z",
        "instance": "b7c1",
    }
    first, second = mailed["events"]
    assert second.pop("facts") == cap_event().facts
    assert second == {
        "id": "evt_cap",
        "type": "cap.breached",
        "scope": "openai",
        "period": "2026-11",
        "level": "hard",
        "prev_level": "soft",
        "reason": "spend",
        "created_at": "2026-11-10T11:05:00Z",
    }
    assert first["scope"] == "global"


@steady
@given(st.text(max_size=300), st.integers(1, 3))
@example("n" * 300, 1)
@example("n" * 300, 3)
def test_no_name_breaks_the_subject_or_the_end_of_the_text(name, count):
    events = [cap_event(scope=name)] * count
    body = mail.body("msg_abc", events, events, LINK, "b7c1", AT)
    mailed = json.loads(body)
    assert len(mailed["subject"]) <= 200
    assert mailed["subject"].isprintable()
    assert mailed["text"].endswith("\nmsg_abc")
    assert all(line.isprintable() for line in mailed["text"].split("\n"))
    assert mail.body("msg_abc", events, events, LINK, "b7c1", AT) == body
