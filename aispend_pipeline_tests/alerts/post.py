"""An outbox over one ledger file, for what happens to single deliveries."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from aispend_pipeline.alerts.channels import Attempted, Outcome
from aispend_pipeline.alerts.outbox import Claimed, Draft, Outbox, next_due
from aispend_pipeline.alerts.tables import attempt, delivery
from aispend_pipeline.state.database import State
from aispend_pipeline_tests.caps.world import START

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SENT = Attempted(Outcome.DELIVERED, http_status=200)
REFUSED = Attempted(Outcome.RETRY, never_sent=True, error_class="connect", told="refused")
BROKEN = Attempted(Outcome.RETRY, http_status=500, error_class="server_error", told="answered 500", excerpt="no")
GONE = Attempted(Outcome.DEAD, http_status=404, error_class="rejected", told="answered 404")
SCHEDULE = [timedelta(seconds=one) for one in (5, 60, 300, 1800, 7200, 18000, 36000, 50400)]


class Post:
    """An outbox over one ledger file, a clock, and a jitter of none."""

    def __init__(self, state: State) -> None:
        self.state, self.now, self.jitter = state, START, 1.0

    def queue(self, *ids: str, channel: str = "slack", lane: str = "", carried: tuple[str, ...] = ()) -> None:
        with self.state.transaction() as connection:
            for one in ids:
                draft = Draft(one, channel, lane or channel, "subject", one.encode(), (f"evt_{one}",), carried)
                Outbox(connection).queue(draft, self.now)

    def claim(
        self,
        wait: timedelta = timedelta(0),
        lanes: tuple[str, ...] | None = None,
        channels: tuple[str, ...] = ("slack", "email", "hook"),
    ) -> Claimed | None:
        self.now += wait
        with self.state.transaction() as connection:
            return Outbox(connection).claim(self.now, channels, lanes)

    def record(self, claimed: Claimed, attempted: Attempted) -> None:
        with self.state.transaction() as connection:
            Outbox(connection).record(claimed, attempted, self.now, lambda: self.jitter)

    def send(self, attempted: Attempted = SENT, wait: timedelta = timedelta(0)) -> str | None:
        """Send what is due, with this outcome; its id."""
        claimed = self.claim(wait)
        if claimed is None:
            return None
        self.record(claimed, attempted)
        return claimed.message_id

    def call(self, does: str, *arguments: Any) -> Any:
        with self.state.transaction() as connection:
            return getattr(Outbox(connection), does)(*arguments, self.now)

    def row(self, message_id: str) -> Any:
        with self.state.reading() as connection:
            return connection.execute(delivery.select().filter_by(message_id=message_id)).one()

    def outcomes(self) -> list[tuple[int, str]]:
        with self.state.reading() as connection:
            return [(row.number, row.outcome) for row in connection.execute(attempt.select())]

    def due(self, *channels: str) -> datetime | None:
        with self.state.reading() as connection:
            return next_due(connection, channels or ("slack", "email", "hook"), self.now)


@pytest.fixture
def post(home) -> Post:
    state = State(home)
    yield Post(state)
    state.close()
