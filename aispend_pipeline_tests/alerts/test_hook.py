"""The hook's body is the one that the receiver was promised, to the byte."""

import json
from pathlib import Path

from aispend_pipeline.alerts import hook
from aispend_pipeline.caps.model import EventType, Level, Reason
from aispend_pipeline_tests.alerts.samples import TOP, a_test, cap_event


def test_a_trigger_has_the_promised_shape():
    assert hook.body(cap_event(EventType.TRIGGERED, arming=1, top=TOP[:1]), "b7c1") == (
        b'{"type":"hardcap.triggered","timestamp":"2026-11-10T11:05:00Z",'
        b'"data":{"scope":"openai","period":"2026-11","arming":1,"reason":"spend",'
        b'"total_usd":"100.40","cap_usd":"100.00","complete":true,'
        b'"data_through":{"openai":"2026-11-10T11:00:00Z"},'
        b'"top":[{"project":"proj_a","api_key":"key_a","model":"gpt-5.4","usd":"61.20"}],"instance":"b7c1"}}'
    )


def test_the_guide_shows_a_body_of_that_shape():
    page = (Path(__file__).parents[2] / "docs" / "caps-and-alerts.md").read_text()
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    event = cap_event(EventType.TRIGGERED, arming=1, top=TOP[:1], estimated_usd="12.50")
    sent = json.loads(hook.body(event, "b7c1"))
    assert [[*shown], [*shown["data"]]] == [[*sent], [*sent["data"]]]
    assert [*shown["data"]["top"][0]] == [*sent["data"]["top"][0]]


def test_a_release_says_which_arming_and_why():
    released = cap_event(EventType.RELEASED, Level.SOFT, Level.HARD, Reason.CAP_RAISED, cap="150.00", arming=2)
    body = json.loads(hook.body(released, "b7c1"))
    assert body["type"] == "hardcap.released"
    assert (body["data"]["arming"], body["data"]["reason"]) == (2, "cap_raised")


def test_a_machine_gets_ids_uncut_and_unescaped():
    name = "key <&> \u202e" + "n" * 300
    body = json.loads(hook.body(cap_event(EventType.TRIGGERED, arming=1, top=[TOP[0] | {"api_key": name}]), "b7c1"))
    assert body["data"]["top"][0]["api_key"] == name


def test_what_has_no_project_or_key_is_told_as_null():
    body = json.loads(hook.body(cap_event(EventType.TRIGGERED, arming=1, top=TOP[2:]), "b7c1"))
    assert body["data"]["top"] == [{"project": None, "api_key": None, "model": None, "usd": "9.10"}]


def test_a_test_carries_nothing_to_act_on():
    assert hook.body(a_test(), "b7c1") == (
        b'{"type":"test","timestamp":"2026-11-10T11:05:00Z","data":{"instance":"b7c1"}}'
    )
