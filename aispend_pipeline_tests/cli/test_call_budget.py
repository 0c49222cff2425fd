"""An account that may make few calls an hour: `ingest` ends, says when it goes on, and never asks for more."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from ..service.two_providers import billed
from .conftest import NO_OPENAI, both
from .test_troubles import CLOSED, HOUR, YESTERDAY, costs, over_http, said_of, spent


@pytest.mark.long
def test_an_ingest_that_is_out_of_calls_ends_says_so_keeps_what_it_has_and_the_next_goes_on(tmp_path):
    with both(tmp_path / "shell", unset=(*NO_OPENAI, "ANTHROPIC_API_KEY__EU")) as (shell, providers):
        shell.settings |= {"AISPEND_ANTHROPIC_CALLS_PER_HOUR": "8", "AISPEND_START_DATE": "2026-06-01"}
        account = "anthropic", "default"
        began = shell.clock.now()

        first, status, meanwhile = shell.run("ingest"), shell.run("status"), spent(shell)
        (waiting,) = over_http(shell, "/status")["accounts"]
        calls = providers.calls[account]
        again = shell.run("ingest")
        at_once = providers.calls[account] - calls
        shell.clock.instant += HOUR
        second, well = shell.run("ingest"), shell.run("status")
        in_the_second_hour = providers.calls[account] - calls - at_once

        told = "anthropic default: 2 days wait for the call budget; every run goes on, done about 2026-06-12 14:20 UTC"
        assert (first.code, first.err, first.out.splitlines()[-1]) == (1, "", told)
        assert shell.clock.now() - began == HOUR  # nobody waited for calls to come back
        assert (calls, at_once) == (8, 0)
        assert (status.code, said_of(status)) == (1, [told])
        assert (waiting["waiting_days"], waiting["waiting_done_at"]) == (2, "2026-06-12T14:20:00Z")
        assert costs(meanwhile)[account] == billed(CLOSED, shell.clock)[account]
        assert again.code == 1
        assert "days wait for the call budget" in again.out
        assert costs(spent(shell)) == costs(meanwhile)
        assert (second.code, second.err, well.code) == (0, "", 0)
        assert "wait" not in second.out
        assert in_the_second_hour <= 8
        whole = json.loads(shell.run("spend", "--from", "2026-06-01", "--to", str(YESTERDAY), "--format", "json").out)
        assert whole["coverage"]["complete"] is True
        days = [YESTERDAY - timedelta(days=n) for n in range(11)]
        assert Decimal(whole["total_usd"]) == billed(days, shell.clock)[account]


@pytest.mark.long
def test_a_budget_that_is_too_small_for_every_hour_is_said_and_never_exceeded(tmp_path):
    with both(tmp_path / "shell", unset=(*NO_OPENAI, "ANTHROPIC_API_KEY__EU")) as (shell, providers):
        shell.settings["AISPEND_ANTHROPIC_CALLS_PER_HOUR"] = "4"
        done = shell.run("ingest")
        (account,) = over_http(shell, "/status")["accounts"]

        assert done.code == 1
        assert done.out.splitlines()[-1].endswith("which is too small even for every hour's look-back")
        assert providers.calls["anthropic", "default"] == 4
        assert (account["waiting_days"] > 0, account["waiting_done_at"]) == (True, None)
