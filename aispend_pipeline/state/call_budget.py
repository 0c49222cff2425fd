"""Call budgets: how many calls an account may make an hour, pages included, shared by all processes.

A bucket that starts full and fills again evenly. It is one instant in the database, `full_at`: a call moves it
on by its share of an hour, and as long as it is less than an hour ahead there are calls left.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from aispend_pipeline.state.database import TABLES, State, state_of

_HOUR = timedelta(hours=1)

call_budget = sa.Table(
    "call_budget",
    TABLES,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("full_at", sa.DateTime, nullable=False, comment="UTC; when the bucket is full again"),
)


def budget_of(home: Path, provider: str, account: str, calls_per_hour: int | None) -> "CallBudget | None":
    """The calls that `account` may make, shared with every other process; none for as many as it likes."""
    return None if calls_per_hour is None else CallBudget(state_of(home), provider, account, calls_per_hour)


class CallBudget:
    """The calls of one account; see `http.Budget`."""

    def __init__(self, state: State, provider: str, account: str, calls_per_hour: int) -> None:
        self._state, self._key = state, {"provider": provider, "account": account}
        self._share = _HOUR // calls_per_hour  # rounded down, or a full bucket would lack a call

    def take(self, now: datetime) -> datetime | None:
        """Use up one call: none if it may be made, else when the next one may be."""
        with self._state.transaction() as connection:
            full_at = self._full_at(connection, now)
            if full_at + self._share > now + _HOUR:
                return full_at + self._share - _HOUR
            self._set(connection, full_at + self._share)
            return None

    def available(self, now: datetime) -> int:
        """The calls that can be made at once."""
        with self._state.transaction() as connection:
            return (now + _HOUR - self._full_at(connection, now)) // self._share

    def left(self, calls: int, now: datetime) -> None:
        """The provider says that it will take only so many more calls."""
        with self._state.transaction() as connection:
            full_at = self._full_at(connection, now)
            at_least = now + max(_HOUR - calls * self._share, timedelta(0))
            if at_least > full_at:
                self._set(connection, at_least)

    def _full_at(self, connection: sa.Connection, now: datetime) -> datetime:
        """Never in the past, and never more than an hour ahead, whatever a clock that was set back left there."""
        stored = connection.execute(sa.select(call_budget.c.full_at).filter_by(**self._key)).scalar()
        full_at = now if stored is None else stored.replace(tzinfo=UTC)
        if full_at > now + _HOUR:  # kept, or every call would be refused until the clock is there again
            full_at = now + _HOUR
            self._set(connection, full_at)
        return max(full_at, now)

    def _set(self, connection: sa.Connection, full_at: datetime) -> None:
        connection.execute(sa.delete(call_budget).filter_by(**self._key))
        connection.execute(sa.insert(call_budget).values(**self._key, full_at=full_at.replace(tzinfo=None)))
