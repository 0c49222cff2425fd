"""Days that were asked for and wait for their account's call budget: the next runs ask for them again."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from aispend_pipeline.model import Feed, Window
from aispend_pipeline.state.database import TABLES, State

waiting = sa.Table(
    "waiting",
    TABLES,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
)


class WaitingDays:
    """The days of every source and account that wait."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, waits: Iterable[tuple[Feed, Window]]) -> None:
        """These days wait from now on, if they did not already."""
        with self._state.transaction() as connection:
            for (source, account), window in waits:
                connection.execute(_of(source, account, window))
                rows = [{"source": source, "account": account, "day": day} for day in window.days()]
                connection.execute(sa.insert(waiting), rows)

    def remove(self, came: Iterable[tuple[Feed, Window]]) -> None:
        """These days were read."""
        with self._state.transaction() as connection:
            for (source, account), window in came:
                connection.execute(_of(source, account, window))

    def all(self) -> dict[Feed, set[date]]:
        """By source and account, the days that wait."""
        found: dict[Feed, set[date]] = defaultdict(set)
        with self._state.reading() as connection:
            for source, account, day in connection.execute(sa.select(waiting)):
                found[source, account].add(day)
        return found


def _of(source: str, account: str, window: Window) -> sa.Delete:
    return sa.delete(waiting).where(
        waiting.c.source == source,
        waiting.c.account == account,
        waiting.c.day.between(window.first, window.last),
    )
