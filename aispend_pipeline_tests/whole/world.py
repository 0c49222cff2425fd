"""A whole installation on loopback: a simulated provider, receivers that can be down, and real processes between them.

Nobody waits for leases and retries: the clock of every process, this one's included, is set ahead instead.
"""

import json
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.notify import timing_of
from aispend_pipeline.alerts.outbox import LEASE, Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.ledger import Kept, Ledger, as_event
from aispend_pipeline.caps.model import Event
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.organisation import total
from aispend_pipeline.simulator.scenario import Restated, Scenario
from aispend_pipeline.simulator.server import served
from aispend_pipeline.state.database import State

from ..alerts.receivers import HttpReceiver, http_receiver
from ..cli.conftest import KEY, Shell
from ..service.world import StandingClock, fill
from ..waiting import until

CHANNELS = ("slack", "email", HOOK)
# After this a dead process's leases are over.
A_LEASE = LEASE + timedelta(seconds=1)
PRELOAD = Path(__file__).parent / "preload"
# What the running day costs at first, three times and six times that: below the caps, above one, above both.
BELOW, SOFT, HARD = range(3)


class Fate:
    """What `preload/sitecustomize.py` reads: how far every clock is ahead, where processes die, where they wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._ahead = timedelta(0)
        self.pass_time(timedelta(0))

    def pass_time(self, by: timedelta) -> None:
        """Set all clocks ahead."""
        self._ahead += by
        new = self.folder / "ahead.new"
        new.write_text(str(self._ahead.total_seconds()))
        new.replace(self.folder / "ahead")

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await SystemClock().sleep(seconds)

    def doom(self, *points: str) -> None:
        """The first process that comes to such a point dies there."""
        for point in points:
            (self.folder / f"died-at-{point}").unlink(missing_ok=True)
            (self.folder / f"die-at-{point}").touch()

    def died(self, *points: str) -> bool:
        return all((self.folder / f"died-at-{point}").exists() for point in points)

    @contextmanager
    def meeting(self, point: str, count: int) -> Iterator[None]:
        """Processes wait at `point` until the block is over and there are `count` of them."""
        for came in self.folder.glob("came-*"):
            came.unlink()
        gate = self.folder / f"meet-at-{point}"
        gate.touch()
        try:
            yield
            until(lambda: len(list(self.folder.glob("came-*"))) >= count)
        finally:
            gate.unlink()


class Heard:
    """What a receiver has taken: the id of every request in its order, and the bodies of each id."""

    def __init__(self, name: str, receiver: HttpReceiver) -> None:
        header = "webhook-id" if name == HOOK else "aispend-id"
        self.came = [one.headers[header] for one in receiver.received]
        self.ids = list(dict.fromkeys(self.came))
        self.attempts = [int(one.headers["aispend-attempt"]) for one in receiver.received]
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        for one in receiver.received:
            self.bodies[one.headers[header]].add(one.body)

    @property
    def text(self) -> str:
        """All that was taken, each message once."""
        return "\n".join(min(self.bodies[one]).decode() for one in self.ids)

    @property
    def acted(self) -> list[str]:
        """What one does who acts once per id."""
        return [json.loads(min(self.bodies[one]))["type"] for one in self.ids]


@dataclass
class Whole:
    """The installation; `books` is the provider's clock, which says what has become of the figures."""

    shell: Shell
    fate: Fate
    at: dict[str, HttpReceiver]
    books: StandingClock
    stages: Sequence[datetime]
    scenario: Scenario
    days: Window
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = State(self.shell.home)

    @property
    def now(self) -> datetime:
        return self.fate.now()

    def bills(self, stage: int) -> None:
        """From now on the provider bills so much; nobody has read it yet."""
        self.books.instant = self.stages[stage]

    def spends(self, stage: int) -> None:
        """The provider bills so much, and it was read: as by `aispend ingest`, in this process."""
        self.bills(stage)
        fill(self.settings, self.fate, self.days, ("openai_costs", "openai_usage"))

    def ingest(self) -> None:
        """`aispend ingest` reads what the provider bills."""
        done = self.shell.run_apart("ingest")
        assert done.code == 0, done.err

    @property
    def total(self) -> Decimal:
        """What the provider bills now, USD."""
        return total("openai", "default", self.days.days(), self.books.instant, self.scenario)

    @property
    def settings(self) -> Settings:
        return Settings.load(self.shell.environment({}), None)

    def dispatch(self) -> int:
        """`aispend alerts dispatch`: how it ended."""
        done = self.shell.run_apart("alerts", "dispatch")
        assert "Traceback" not in done.err
        return done.code

    def start_dispatch(self, **more: str) -> subprocess.Popen:
        return self.shell.start("alerts", "dispatch", **more)

    def dispatch_to_death(self, point: str) -> None:
        """The same, killed at `point`."""
        self.fate.doom(point)
        assert self.dispatch() == -signal.SIGKILL
        assert self.fate.died(point)

    def down(self) -> None:
        for receiver in self.at.values():
            receiver.close()

    def up(self) -> None:
        for receiver in self.at.values():
            receiver.open()

    def heal(self, rounds: int = 12) -> None:
        """With every receiver well: send, and let time pass to what is due last, until nothing waits."""
        for _ in range(rounds):
            if self.dispatch() == 0:
                return
            self.fate.pass_time(max(self._last_wait() - self.fate.now(), timedelta(0)) + timedelta(seconds=1))
        raise AssertionError("something still waits")

    def _last_wait(self) -> datetime:
        """When everything that waits may be sent; now, where nothing does."""
        waiting = [row for row in self.rows(delivery) if row.status == Status.PENDING]
        instants = (instant for row in waiting for instant in (row.next_at, row.lease_until) if instant)
        return max(instants, default=self.fate.now())

    # What the promises of `caps/promises.py` are asked of.

    def rows(self, table: Any) -> list[Any]:
        with self.state.reading() as connection:
            return connection.execute(table.select()).all()

    def kept(self) -> list[Kept]:
        with self.state.reading() as connection:
            return Ledger(connection).standings()

    def events(self) -> list[Event]:
        return [as_event(row) for row in self.rows(tables.event)]

    @property
    def timing(self) -> Any:
        return timing_of(self.settings)

    @property
    def receivers(self) -> dict[str, Heard]:
        return {name: Heard(name, receiver) for name, receiver in self.at.items()}


@contextmanager
def whole(folder: Path, *, at: datetime | None = None, **more: str) -> Iterator[Whole]:
    """An OpenAI account with caps over it and all channels; its clocks show `at` at the start, or the real time."""
    folder.mkdir()
    fate = Fate(folder / "fate")
    if at is not None:
        fate.pass_time(at - fate.now())
    day = fate.now().date()
    # The provider's day is as good as over, so that the figures are the same at any hour.
    stages = [midnight(day) + timedelta(hours=23, minutes=minute) for minute in (55, 56, 57)]
    scenario = Scenario(
        restated=(Restated(day, stages[SOFT], Decimal(3)), Restated(day, stages[HARD], Decimal(2))),
    )
    books = StandingClock(stages[BELOW])
    usual = total("openai", "default", [day], stages[BELOW])
    # The day before is read too, and counts unless it is of another month.
    days = Window(day - timedelta(days=1), day)
    below = total("openai", "default", [one for one in days.days() if one.month == day.month], stages[BELOW])
    with ExitStack() as stack:
        base = stack.enter_context(served(openai({KEY: "default"}, books, scenario=scenario)))
        receivers = {name: stack.enter_context(http_receiver()) for name in CHANNELS}
        settings = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{base}/v1",
            "OPENAI_SOFT_CAP": f"{below + usual:.2f}",
            "OPENAI_HARD_CAP": f"{below + 3 * usual:.2f}",
            "AISPEND_START_DATE": str(day),
            "CRON_LOOKBACK_HOURS": "24",
            "SLACK_WEBHOOK_URL": receivers["slack"].url("/services/T0/B0/xyz"),
            "ALERT_EMAIL_WEBHOOK": receivers["email"].url("/mail"),
            "ON_HARDCAP_WEBHOOK": receivers[HOOK].url("/hook"),
            "PYTHONPATH": str(PRELOAD),
            "FATE": str(fate.folder),
            **more,
        }
        made = Whole(Shell(folder, settings), fate, receivers, books, stages, scenario, days)
        yield made
        made.state.close()
