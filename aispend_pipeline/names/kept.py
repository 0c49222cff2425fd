"""Every name that was ever seen, with its first and last sight: storing, looking up, and when to read again."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb

from aispend_pipeline.model import Account
from aispend_pipeline.names.lists import Kind
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction

# A failed attempt is repeated with the hourly schedule, whose ticks are not to the second.
_REPEATED_AFTER = timedelta(minutes=55)


def store(
    transaction: Transaction, account: Account, names: Mapping[tuple[Kind, str], str], at: datetime, error: str | None
) -> None:
    """Keep the names of one reading that began `at`, and what became of it: all was read if there is no `error`."""
    provider, account_name = account
    read = {"provider": provider, "account": account_name, "at": at.replace(tzinfo=None)}
    seen = {
        "kinds": [kind for kind, _ in names],
        "ids": [id_ for _, id_ in names],
        "names": list(names.values()),
    }
    transaction.execute(statement("names", "names_seen"), {**read, **seen})
    transaction.execute(statement("names", "attempted"), {**read, "error": error})


class Named(NamedTuple):
    """What has a name."""

    provider: str
    account: str
    kind: str
    id: str


def newest_names(cursor: duckdb.DuckDBPyConnection) -> dict[Named, str]:
    """What everything that ever had a name is called, or was when it was last seen.

    Other statements join the same names: `newest.sql` is one SELECT, fit to be a common table expression.
    """
    rows = cursor.execute(statement("names", "newest")).fetchall()
    return {Named(provider, account, kind, id_): name for provider, account, kind, id_, name in rows}


class Attempt(NamedTuple):
    """When an account's names were last read whole, when that was last tried, and what went wrong; UTC without zone."""

    provider: str
    account: str
    last_read_at: datetime | None
    last_attempt_at: datetime
    error: str | None


def names_read(cursor: duckdb.DuckDBPyConnection) -> list[Attempt]:
    """What became of the last reading of every account's names."""
    rows = cursor.execute(
        "SELECT provider, account, last_read_at, last_attempt_at, error FROM names_read ORDER BY provider, account"
    ).fetchall()
    return [Attempt(*row) for row in rows]


def names_due(cursor: duckdb.DuckDBPyConnection, accounts: Collection[Account], now: datetime) -> set[Account]:
    """Those of `accounts` that were not read whole on this UTC day, and did not fail within the hour either."""
    attempts = {(attempt.provider, attempt.account): attempt for attempt in names_read(cursor)}
    return {account for account in accounts if account not in attempts or _due(attempts[account], now)}


def _due(last: Attempt, now: datetime) -> bool:
    """An instant that a clock which was set back left ahead holds nothing up."""
    if last.last_read_at is not None and last.last_read_at.date() == now.date():
        return False
    return last.error is None or abs(now.replace(tzinfo=None) - last.last_attempt_at) >= _REPEATED_AFTER
