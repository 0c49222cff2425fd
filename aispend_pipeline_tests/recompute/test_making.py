"""What would change, as the command says it; and that nobody is waited for without end."""

import json

import pytest

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.recompute import making
from aispend_pipeline.warehouse import lock
from aispend_pipeline_tests.cli.conftest import Shell

from .site import ASKED, CHANGE, DAYS, Site

OPTIONS = ("--from", ASKED["from"], "--to", ASKED["to"])


@pytest.fixture
def shell(site) -> Shell:
    return Shell(site.home.parent)


def test_the_command_says_in_json_what_would_change_and_changes_nothing(site, shell):
    site.spoil()
    before = site.stored(), (site.home / "CURRENT").read_text()

    dry = shell.run("recompute", *OPTIONS, "--dry-run", "--format", "json")

    assert (dry.code, dry.err) == (0, "")
    told = {**ASKED, "changes": [CHANGE], "not_remade": [], "errors": []}
    assert json.loads(dry.out) == told
    assert (site.stored(), (site.home / "CURRENT").read_text()) == before


@pytest.mark.long
def test_the_command_says_the_same_of_what_it_changed(site, shell):
    site.spoil()
    before = shell.run("recompute", *OPTIONS, "--dry-run", "--format", "json")
    done = shell.run("recompute", *OPTIONS, "--format", "json")

    assert (done.code, json.loads(done.out)) == (0, json.loads(before.out))
    assert json.loads(shell.run("recompute", *OPTIONS, "--format", "json").out)["changes"] == []


def test_another_format_is_wrong_use(shell):
    done = shell.run("recompute", "--format", "xml")

    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == "--format 'xml' is not one of text, json"


def test_rows_that_are_kept_are_told_with_why(site):
    site.write("DELETE FROM page WHERE fetch_id IN (SELECT fetch_id FROM \"fetch\" WHERE source = 'openai_usage')")

    told = making.told(DAYS, list(making.differences(site.settings(), SystemClock(), [DAYS])))

    assert told["changes"] == []
    assert told["not_remade"] == [
        f"openai_usage default {DAYS}: rows kept as they are: its pages have expired",
    ]


def test_a_dry_run_does_not_wait_for_a_writer_without_end(site: Site):
    with lock.held(site.home / "writer.lock", 0), pytest.raises(StoreBusy, match="for over 0 s"):
        next(making.differences(site.settings(), SystemClock(), [DAYS], patience=0.05))
