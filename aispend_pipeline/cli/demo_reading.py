"""The demo's reader, a process of its own: what the hourly job reads, newest days first, and again every minute.

It runs the real job on the demo's own Dagster instance, and `notify` after it, so that the UI shows both.
"""

import logging
import sys
import time
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import dagster as dg
import duckdb

from aispend_pipeline import log, money
from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.notify import notify_job
from aispend_pipeline.assets.schedules import Step, steps_due
from aispend_pipeline.assets.tags import LANE
from aispend_pipeline.cli import demo_proof
from aispend_pipeline.cli.telling import Telling
from aispend_pipeline.due import start_date
from aispend_pipeline.interrupts import like_ctrl_c
from aispend_pipeline.model import Account, Feed, FetchState, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import runs, snapshots_of

EVERY_SECONDS = 60
# Whoever is on this machine answers at once, or not for a while.
_LIMITS = Limits(first_wait_seconds=0.1, longest_wait_seconds=0.4)


class Reading:
    """Reads for the service at an address, and says on the screen what comes of it; `started` is when the demo was."""

    def __init__(self, service: str, telling: Telling, started: datetime) -> None:
        self._service, self._scenario, self._started = service, telling.scenario, started
        self._installation = Installation(Settings.load(dotenv=None), limits=_LIMITS)
        self._settings, self._clock = self._installation.settings, self._installation.clock
        self._down: set[Feed] = set()
        self._proven: set[Account] = set()
        self._whole = False  # whether all was read once

    def go_on(self) -> None:
        """Read for ever, a minute after another."""
        with in_process.instance_of(self._settings) as instance:
            while True:
                began = self._clock.monotonic()
                self._tick(instance)
                time.sleep(max(0.0, EVERY_SECONDS - (self._clock.monotonic() - began)))

    def _tick(self, instance: dg.DagsterInstance) -> None:
        """What a tick of the hourly schedule asks for, and a look at the caps."""
        began, fetched = self._clock.now(), None
        for step in steps_due(self._settings, began):
            run = in_process.run_here(instance, self._installation, "hourly_ingest", step.keys, step.tags)
            for error in [] if step.reads else run.errors:  # what a fetch says is told of the fetch
                _say(f"{step.key}: failed: {error}")
            if step.reads:
                fetched = (step, run.run_id)
            elif fetched:
                self._tell_fetches(*fetched)
                self._tell_restated(fetched[1])
                fetched = None
        in_process.run_here(instance, self._installation, notify_job.name, [], {LANE: "notify"})
        self._tell_answer(began)

    def _tell_fetches(self, step: Step, run_id: str) -> None:
        """What was read, and that it can be looked at; once all was, only who does not answer, or does again."""
        lines = runs.fetches_of(self._snapshot(), [run_id])
        if not lines:
            _say(f"{step.key}: failed; its run in Dagster's UI says why")
        for line in lines:
            feed, failed = (line.source, line.account), line.state is FetchState.FAILED
            if failed and feed not in self._down:
                _say(f"{line.source} {line.account}: {line.error}; it is asked again every minute")
            elif not failed and feed in self._down:
                _say(f"{line.source} {line.account}: answers again")
            (self._down.add if failed else self._down.discard)(feed)
        if lines and not self._whole:
            usd = money.on_screen(money.add(line.usd or Decimal(0) for line in lines))
            _say(f"{step.key.replace('fetch', 'read', 1)}: {usd} USD; on the dashboard after {self._age()}")

    def _tell_restated(self, run_id: str) -> None:
        """By how much which days were restated."""
        days: dict[tuple[str, str, date], list[tuple[Decimal, Decimal]]] = {}
        for source, account, day, _, was, now_is in runs.restatements_of(self._snapshot(), [run_id]):
            days.setdefault((source, account, day), []).append((was, now_is))
        for of, changed in days.items():
            before, after = (money.on_screen(money.add(side)) for side in zip(*changed, strict=True))
            _say(f"{' '.join(map(str, of))}: restated: was {before}, is {after} USD")

    def _tell_answer(self, began: datetime) -> None:
        """The whole answer once, each account's proof as soon as there is one, and how the month goes."""
        window = Window(start_date(self._settings, began.date()), began.date())
        if not self._whole:
            demo_proof.show(self._service, window)
        for one in demo_proof.hold(self._service, window, self._scenario, began, self._clock.now(), self._proven):
            if one.whole and one.same:
                self._proven.add(one.account)
            if one.whole or not self._whole:
                late = f"{' '.join(one.account)}: not every day is read; held against the simulator's books once it is"
                _say(one.line if one.whole else late)
        if not self._whole:
            _say(f"all was read after {self._age()}; from now on it is read again every minute, until Ctrl-C")
            self._whole = True
        month = Window(began.date().replace(day=1), began.date())
        billed = demo_proof.spend(self._service, month, groupBy="provider", provider="openai")["total_usd"]
        cap = money.on_screen(self._settings.openai_hard_cap or Decimal(0))
        _say(f"{began:%H:%M:%S} UTC: OpenAI has billed {money.on_screen(Decimal(billed))} USD; its hard cap is {cap}")

    def _snapshot(self) -> duckdb.DuckDBPyConnection:
        return snapshots_of(self._settings.home).current()[1]

    def _age(self) -> str:
        return f"{(self._clock.now() - self._started).total_seconds():.0f} s"


def _say(line: str) -> None:
    print(line, flush=True)


def run() -> None:
    """Entry point; the arguments are those that the demo gives."""
    service, name, since, started = sys.argv[1:]
    telling = Telling(name, datetime.fromisoformat(since))
    log.configure(logging.ERROR)  # what matters of it is said in its own words
    with like_ctrl_c(), suppress(KeyboardInterrupt):
        Reading(service, telling, datetime.fromisoformat(started)).go_on()


if __name__ == "__main__":
    run()
