"""What Slack gets: short enough to be taken, and nothing in a name that Slack would act on."""

import json
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.alerts import slack
from aispend_pipeline.caps.model import EventType, Level
from aispend_pipeline_tests.alerts.samples import AT, TOP, a_test, cap_event, ingest_event

LINK = "https://spend.example/?a=1&b=2"
steady = settings(deadline=None, derandomize=True)
soft = cap_event(level=Level.SOFT, prev=Level.OK, scope="global", total="80.00", top=[])
# Letters that Slack or JSON give a meaning to, among any others.
nasty = st.text(st.sampled_from("<>&!@#|*_~`:\\\"' \nhereablX1\U0001f600\u202e") | st.characters(), max_size=260) | (
    st.sampled_from(["<!channel>", "@here", "@Everyone", "&" * 300, "`" * 200, "\U0001f600" * 200, ":rotating_light:"])
)


def read(events, carried=(), link=LINK):
    return json.loads(slack.body("msg_abc", events, list(carried), link))


def texts(message):
    """Every text object of a message."""
    found = []
    for block in message["blocks"]:
        found += [block["text"]] if "text" in block else block["elements"]
    return found


def shown(text):
    """What a reader sees of a text that has no markup of ours."""
    return text.replace("\u200b", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_two_scopes_and_an_older_message_read_like_this():
    message = read([soft, cap_event(top=[])], [ingest_event(EventType.INGEST_FAILING)])
    assert [text["text"] for text in texts(message)] == [
        "\U0001f534 openai reached its hard cap: 100.40 of 100.00 USD in 2026-11; 1 more below",
        "• since 2026-11-10 11:05 UTC, because more was spent\n• billed through: openai 2026-11-10 (so far)",
        "\U0001f7e0 *global reached its soft cap: 80.00 of 80.00 USD in 2026-11*\n"
        "• since 2026-11-10 11:05 UTC, because more was spent\n"
        "• its hard cap: 80.00 of 100.00 USD\n"
        "• billed through: openai 2026-11-10 (so far)",
        "*not delivered earlier:*\n2026-11-10 11:05 UTC the spend of openai default cannot be read",
        "<https://spend.example/?a=1&amp;b=2|Open the dashboard>",
        "msg_abc",
    ]
    assert message["text"] == (
        "\U0001f534 openai reached its hard cap: 100.40 of 100.00 USD in 2026-11\n"
        "\U0001f7e0 global reached its soft cap: 80.00 of 80.00 USD in 2026-11"
    )


def test_blocks_are_of_the_kinds_that_slack_knows():
    message = read([cap_event()], [soft])
    assert [block["type"] for block in message["blocks"]] == ["header", "section", "section", "section", "context"]
    header, *others = texts(message)
    assert header["type"] == "plain_text"
    assert all((other["type"], other["verbatim"]) == ("mrkdwn", True) for other in others)
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)


def test_without_a_link_and_older_events_there_is_no_block_for_them():
    assert [block["type"] for block in read([a_test()], link=None)["blocks"]] == ["header", "section", "context"]


@pytest.mark.parametrize(("letters", "others"), [(200, 0), (90, 1)])
def test_a_headline_too_long_for_the_header_is_in_the_section_in_full(letters, others):
    header, section, *_ = texts(read([cap_event(scope="s" * letters), *[soft] * others]))
    assert "\N{HORIZONTAL ELLIPSIS}" in header["text"]
    assert f"*{'s' * letters} reached its hard cap: 100.40 of 100.00 USD in 2026-11*" in section["text"]


def test_a_headline_that_the_header_has_room_for_is_not_said_again():
    _, section, *_ = texts(read([cap_event(scope="s" * 80)]))
    assert "reached" not in section["text"]


def test_events_without_room_are_headlines_and_then_a_number():
    events = [cap_event(scope=f"account-{n}", top=[]) for n in range(60)]
    message = read(events)
    listed = texts(message)[-3]["text"].split("\n")
    sections = [text["text"] for text in texts(message)[1:-3]]
    assert len(sections) == slack.MOST_IN_FULL
    assert listed[0].startswith("\U0001f534 account-20 reached")
    assert listed[-1] == f"and {60 - slack.MOST_IN_FULL - (len(listed) - 1)} more"


def test_thirty_older_events_are_listed_oldest_first_and_the_others_counted():
    older = [ingest_event(EventType.INGEST_FAILING, AT - timedelta(days=n)) for n in range(33)]
    carried = "\n".join(text["text"] for text in texts(read([cap_event()], older))[2:-2]).split("\n")
    assert carried[0] == "*not delivered earlier:*"
    assert carried[1].startswith("2026-10-09 11:05 UTC")
    assert len(carried) == 1 + 30 + 1
    assert carried[-1] == "and 3 more"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@\u200bU1&gt;"),
        ("@here and @Channel", "@\u200bhere and @\u200bChannel"),
        ("ana@example.com", "ana@example.com"),
        ("ana@here", "ana@\u200bhere"),
        ("*bold* ~gone~ `code`", "\u2217bold\u2217 \u223cgone\u223c \u02cbcode\u02cb"),
        ("_slanted_ proj_a", "\u02cdslanted\u02cd proj_a"),
        (":fire: at 11:05", ":\u200bfire: at 11:05"),
        ("<https://evil.example|gpt-5.4>", "&lt;https://evil.example|gpt-5.4&gt;"),
    ],
)
def test_what_slack_would_act_on_is_shown_instead(text, sent):
    assert slack.safe(text) == sent


@steady
@given(nasty, st.integers(2, 400))
def test_a_safe_text_fits_and_is_what_was_said_as_far_as_it_goes(text, most):
    sent = slack.safe(text, most)
    assert slack.size(sent) <= most
    assert not re.search(r"[<>*~`]|&(?!amp;|lt;|gt;)|@(here|channel|everyone)", sent, re.IGNORECASE)
    likes = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb", "_": "\u02cd"})
    said, meant = (one.translate(likes).replace("\u200b", "") for one in (shown(sent), text))
    assert said == meant or (said[-1] == "\N{HORIZONTAL ELLIPSIS}" and meant.startswith(said[:-1]))


@st.composite
def events(draw):
    """Some events with any text wherever a provider or a person could have put one."""
    made = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(nasty)
        top = [{**one, "project_name": name, "api_key": draw(nasty), "model": name} for one in TOP]
        kind = draw(st.sampled_from([EventType.BREACHED, EventType.STEPPED_DOWN, EventType.PERIOD_RESET]))
        doubts = [draw(nasty)] * draw(st.integers(0, 9))
        level = draw(st.sampled_from([Level.SOFT, Level.HARD]))
        made.append(cap_event(kind, level, scope=name, top=top, complete=False, doubts=doubts))
    return made * draw(st.sampled_from([1, 1, 30]))


@pytest.mark.long
@settings(deadline=None, derandomize=True, max_examples=40)
@given(events(), st.integers(0, 40))
def test_no_name_and_no_number_of_events_breaks_what_slack_takes(some, older):
    body = slack.body("msg_abc", some, some[:1] * older, LINK)
    message = json.loads(body)
    parts = [text["text"] for text in texts(message)]
    assert len(message["blocks"]) <= 50
    assert slack.size(parts[0]) <= 150
    assert all(1 <= slack.size(part) <= 3000 for part in [*parts, message["text"]])
    assert sum(map(slack.size, parts)) < 11_000
    assert parts[-1] == "msg_abc"
    ours = parts.pop(-2)
    assert ours.startswith("<https://")
    for part in [*parts, message["text"]]:
        assert not re.search(r"[<>~`]|&(?!amp;|lt;|gt;)|@(here|channel|everyone)", part, re.IGNORECASE)
        assert all(line.count("*") in (0, 2) for line in part.split("\n"))
    assert slack.body("msg_abc", some, some[:1] * older, LINK) == body
