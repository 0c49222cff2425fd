"""What a provider's answers say beside their pages: status, when to try again, and what time it is there."""

import email.utils
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from aispend_pipeline import retry_after
from aispend_pipeline.clock import Clock
from aispend_pipeline.doctor.findings import Finding, Level

MOST_SKEW = timedelta(minutes=5)


@dataclass
class Heard:
    """Of the last answer: its status, when it said to try again, and how far our clock is ahead of its `Date`."""

    clock: Clock
    status: int | None = None
    again_at: datetime | None = None
    ahead: timedelta | None = None

    async def answer(self, response: httpx.Response) -> None:
        """Listen to an answer: an event hook of the client."""
        now = self.clock.now()
        self.status = response.status_code
        wait = retry_after.seconds(response.headers.get("retry-after"), now)
        self.again_at = None if wait is None else now + timedelta(seconds=wait)
        self.ahead = _ahead(response.headers.get("date", ""), now)


def _ahead(date_header: str, now: datetime) -> timedelta | None:
    """How far `now` is ahead of an HTTP date; none if it is no date."""
    try:
        said = email.utils.parsedate_to_datetime(date_header)
    except ValueError:
        return None
    return now - (said if said.tzinfo else said.replace(tzinfo=UTC))


def of_clock(ahead: Iterable[timedelta | None]) -> Finding:
    """Our clock held against those of the providers that answered; one that agrees is enough to trust ours."""
    known = [one for one in ahead if one is not None]
    if not known:
        return Finding(Level.NOTE, "clock", "no provider said what time it is, so that this machine's is not checked")
    least = min(known, key=abs)
    if abs(least) <= MOST_SKEW:
        return Finding(Level.OK, "clock", "within 5 minutes of the providers'")
    which = "ahead of" if least > timedelta(0) else "behind"
    text = f"{abs(least) / timedelta(minutes=1):,.0f} minutes {which} the providers', and days are told by it"
    return Finding(Level.FAIL, "clock", f"{text}; set this machine's clock, for example by: timedatectl set-ntp true")
