"""Ids tie lines together: a fetch with its pages and its sums, a run with both, an event with its message."""

import asyncio

import pytest

from aispend_pipeline.alerts.channels import SendLimits
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.log import bound, log
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.threads import apart
from aispend_pipeline_tests.alerts.receivers import http_receiver, status
from aispend_pipeline_tests.assets.conftest import ingest, world
from aispend_pipeline_tests.sources.scripted import (
    SETTLED,
    Answer,
    bucket,
    costs,
    days,
    in_turn,
    page,
    result,
    scripted,
)
from aispend_pipeline_tests.sources.store import Store


def test_pages_fetch_sums_and_snapshot_are_tied(home, written):
    first = [bucket(day, result()) for day in SETTLED.days()]
    with scripted(costs([page(*first[:2], more="next"), page(*first[2:])], [days(SETTLED)])) as provider:
        (fetch,) = Store(home, provider.base_url).ingest()

    pages, (done,) = written.events("page.read"), written.events("fetch.done")
    assert [one["fetch_id"] for one in (*pages, done)] == [fetch.fetch_id] * 4
    assert (done["pages"], done["bytes"]) == (3, sum(one["bytes"] for one in pages))
    assert (done["level"], done["state"], done["error"]) == ("info", "complete", None)
    (added,) = written.events("days.added_up")
    assert (added["fetches"], added["usd"], added["changes"]) == ([fetch.fetch_id], "3.00", 3)
    assert added["seq"] in [one["seq"] for one in written.events("published")]


def test_attempts_and_failures_have_the_id_of_their_fetch_and_how_long_it_took(home, written):
    with scripted(in_turn(Answer(b"{}", status=503))) as provider:
        store = Store(home, provider.base_url)
        (fetch,) = store.ingest(limits=Limits(attempts=3))

    attempts, (done,) = written.events("attempt.failed"), written.events("fetch.done")
    assert [(one["fetch_id"], one["attempt"], one["status"]) for one in attempts] == [
        (fetch.fetch_id, attempt, 503) for attempt in (1, 2, 3)
    ]
    assert done["fetch_id"] == fetch.fetch_id
    assert (done["level"], done["error_class"]) == ("warning", "server_error")
    assert done["seconds"] == round(sum(store.clock.waits), 3)


def test_two_accounts_that_are_read_side_by_side_are_told_apart(home, written):
    with scripted(costs([days(SETTLED)])) as provider:
        fetches = Store(home, provider.base_url, OPENAI_API_KEY__EU="sk-admin-of-the-other").ingest()

    told = {(one["account"], one["fetch_id"]) for one in written.events("page.read")}
    assert told == {(fetch.account, fetch.fetch_id) for fetch in fetches}


@pytest.mark.long
def test_lines_of_a_run_have_its_id(tmp_path, written):
    with world(tmp_path / "home") as made:
        runs = ingest(made, feeds=[("openai_costs", "default")])

    fetching, adding = [run.run_id for run in runs]
    assert {one["run_id"] for one in (*written.events("page.read"), *written.events("fetch.done"))} == {fetching}
    assert [one["run_id"] for one in written.events("days.added_up")] == [adding]


def test_an_event_and_the_attempts_to_tell_of_it_are_tied(home, written):
    with scripted(costs([days(SETTLED)])) as provider, http_receiver() as receiver:
        capped = {"OPENAI_HARD_CAP": "1", "SLACK_WEBHOOK_URL": receiver.url()}
        store = Store(home, provider.base_url, **capped)
        store.ingest()
        receiver.moods += [status(500)]
        with bound(run_id="run-7"):
            notify(store.settings, store.clock, SendLimits())
            store.clock.advance(10)
            notify(store.settings, store.clock, SendLimits())

    said = [one["id"] for one in written.events("event.new")]
    (failed,), (sent,) = written.events("alert.failed"), written.events("alert.sent")
    assert failed["events"] == sent["events"] == said[:1]
    assert (failed["id"], failed["attempt"], sent["attempt"]) == (sent["id"], 1, 2)
    assert (failed["outcome"], failed["status"], failed["error_class"]) == ("retry", 500, "server_error")
    assert {one["run_id"] for one in (failed, sent, *written.events("caps.evaluated"))} == {"run-7"}


def test_what_blocks_beside_an_event_loop_has_the_ids_too(written):
    async def read() -> None:
        with bound(fetch_id="fetch-7"):
            await apart(lambda: log.info("page.read", page=1))

    asyncio.run(read())

    assert [one["fetch_id"] for one in written.events("page.read")] == ["fetch-7"]
