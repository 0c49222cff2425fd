"""The dispatcher: leases what is due, sends it outside any transaction, and records what came of it.

Any number of them may run at once, in any process: a delivery has one lease holder at a time.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from aispend_pipeline import points
from aispend_pipeline.alerts.channels import Attempted, Channel, Outcome, Outgoing
from aispend_pipeline.alerts.outbox import Claimed, Outbox
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import StoreError
from aispend_pipeline.log import fault, log
from aispend_pipeline.state.database import State

_LEASE_OVER = Attempted(Outcome.RETRY, never_sent=True, error_class="lease_over", told="its sender was suspended")


class Sent(NamedTuple):
    """One attempt: of which message, to which channel, the how manieth, and what came of it."""

    message_id: str
    channel: str
    attempt: int
    attempted: Attempted


def a_tenth_off() -> float:
    """A factor between 0.9 and 1.1, so that many senders do not come back at the same second."""
    return random.uniform(0.9, 1.1)  # noqa: S311 - jitter


class Dispatcher:
    """Sends from one state database over the channels that are configured now; what is for others waits for them."""

    def __init__(
        self, state: State, channels: Mapping[str, Channel], clock: Clock, jitter: Callable[[], float] = a_tenth_off
    ) -> None:
        self._state, self._channels, self._clock, self._jitter = state, channels, clock, jitter

    def dispatch(self, *, until: float | None = None, lanes: Collection[str] | None = None) -> list[Sent]:
        """Send what is due until nothing is, and say what went; after `until`, monotonic, nothing new is begun.

        Lanes go side by side, each in its own order. Raises `StoreError`.
        """
        return asyncio.run(self._dispatch(until, lanes))

    async def _dispatch(self, until: float | None, lanes: Collection[str] | None) -> list[Sent]:
        under_way: set[asyncio.Task[Sent]] = set()
        sent: list[Sent] = []
        broken: list[BaseException] = []
        while True:
            try:
                while not broken and not self._over(until) and (claimed := self._claim(lanes)):
                    under_way.add(asyncio.create_task(self.deliver(claimed)))
            except StoreError as unusable:
                broken.append(unusable)
            if not under_way:
                break
            done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            broken += [error for task in done if (error := task.exception())]
            if ended := [error for error in broken if not isinstance(error, Exception)]:
                raise ended[0]  # the process is asked to end: what is under way is not waited for
            sent += [task.result() for task in done if not task.exception()]
        if broken:  # what was under way is over, and recorded where it could be
            raise broken[0]
        return sent

    def _over(self, until: float | None) -> bool:
        return until is not None and self._clock.monotonic() >= until

    def _claim(self, lanes: Collection[str] | None) -> Claimed | None:
        with self._state.transaction() as connection:
            claimed = Outbox(connection).claim(self._clock.now(), self._channels, lanes)
        points.reached("claimed")
        return claimed

    async def deliver(self, claimed: Claimed) -> Sent:
        """Send what was claimed, if it is still ours, and record what came of it. Raises `StoreError`."""
        began = self._clock.monotonic()
        attempted = await self._attempt(claimed) if self._is_held(claimed) else _LEASE_OVER
        seconds = round(self._clock.monotonic() - began, 3)
        points.reached("sent")
        with self._state.transaction() as connection:
            Outbox(connection).record(claimed, attempted, self._clock.now(), self._jitter)
        points.reached("recorded")
        _tell(claimed, attempted, seconds)
        return Sent(claimed.message_id, claimed.channel, claimed.attempt, attempted)

    async def _attempt(self, claimed: Claimed) -> Attempted:
        outgoing = Outgoing(claimed.message_id, claimed.body, claimed.attempt, claimed.created_at)
        try:
            return await self._channels[claimed.channel].send(outgoing, self._clock.now())
        except Exception as error:  # a fault on our side: it must neither stop other lanes nor go unseen
            log.error("fault", what=f"{claimed.channel} {claimed.message_id}", **fault(error))
            return Attempted(Outcome.RETRY, error_class="internal", told=f"{claimed.channel}: {type(error).__name__}")

    def _is_held(self, claimed: Claimed) -> bool:
        """A sender that was suspended for longer than its lease must not send what others have sent past."""
        with self._state.reading() as connection:
            return Outbox(connection).is_held(claimed, self._clock.now())


def _tell(claimed: Claimed, attempted: Attempted, seconds: float) -> None:
    """Log what became of an attempt; what the receiver said is in the outbox."""
    of = {"id": claimed.message_id, "channel": claimed.channel, "events": claimed.events, "attempt": claimed.attempt}
    if attempted.outcome is Outcome.DELIVERED:
        log.info("alert.sent", **of, seconds=seconds)
        return
    told = log.error if attempted.outcome is Outcome.DEAD else log.warning
    why = {"outcome": attempted.outcome, "error_class": attempted.error_class, "status": attempted.http_status}
    told("alert.failed", **of, seconds=seconds, **why)
