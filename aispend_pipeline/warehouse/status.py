"""How fresh and how whole the figures are, per source and account: what `/status` and the terminal say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb

from aispend_pipeline.counted import counted
from aispend_pipeline.health.reasons import Kind, Reason
from aispend_pipeline.model import FetchState
from aispend_pipeline.sql import statement

# An export comes hours after the usage; one that is silent for longer looks dead.
EXPORT_STALE_AFTER = timedelta(seconds=93_600)


@dataclass(frozen=True)
class FeedStatus:
    """One source and account; instants are UTC. A feed that was never asked has nothing but its name."""

    source: str
    account: str
    provider: str
    fetch_id: str | None = None
    state: str | None = None
    finished_at: datetime | None = None
    error_class: str | None = None
    error: str | None = None
    last_complete_at: datetime | None = None  # when the newest day that is known was last read
    failed_since: int = 0  # runs that failed to read the newest day since
    complete: int = 0
    partial: int = 0
    failed: int = 0
    not_due: int = 0
    first_day: date | None = None
    last_day: date | None = None
    quarantined: int = 0
    restatements: int = 0
    disagreeing: int = 0  # days that are over and do not add up to the provider's own sum
    refused: int = 0  # days that were read, and could not be read again
    unchecked: int = 0  # days that could not be held against the provider's own sum, which cannot be read
    overdue: int = 0  # days that were over for six hours when they were asked for, and had no figures
    asked_through: date | None = None  # the newest day that was asked for
    read_as: str | None = None  # the configured account whose credentials read it, if that is another
    billing_account: str | None = None  # the provider's own id of the account, where each answer says it
    exported_through: datetime | None = None  # when the newest line was exported, of a feed that is an export
    open: int = 0  # days that were still running when they were read
    provisional: int = 0  # days that were over for less than 48 hours when they were read
    settled: int = 0
    gone: bool = False  # of an account that was read with another's table, which has nothing new of it

    def stale(self, now: datetime, after_seconds: int) -> bool:
        """Whether the newest complete answer is older than it may be, or the export is that it was given from."""
        limit = timedelta(seconds=after_seconds)
        if self.exported_through is not None:
            limit = max(limit, EXPORT_STALE_AFTER)
        return self.newest_at is None or now - self.newest_at > limit

    @property
    def newest_at(self) -> datetime | None:
        """Of when the newest figures are, UTC: when they were read, or exported; none if there are none."""
        known = [at for at in (self.last_complete_at, self.exported_through) if at is not None]
        return min(known).replace(tzinfo=UTC) if self.last_complete_at is not None else None

    @property
    def newest_is(self) -> str:
        """What happened at `newest_at`, for people."""
        through = self.exported_through
        exported = through is not None and through.replace(tzinfo=UTC) == self.newest_at
        return "last exported" if exported else "last read completely"

    def reasons(self, now: datetime, after_seconds: int) -> list[Reason]:
        """What is not as it should be; empty when all is well."""
        if self.gone:
            return []
        if self.state is None:
            return [self._because(Kind.MISSING, "was never read; run: aispend ingest")]
        return [*self._unread(now, after_seconds), *self._of_days()]

    def _unread(self, now: datetime, after_seconds: int) -> Iterator[Reason]:
        if self.state == FetchState.FAILED:
            yield self._because(Kind.MISSING, f"the last fetch failed: {self.error}")
        if self.last_complete_at is None:
            yield self._because(Kind.MISSING, "was never read completely")
        elif self.stale(now, after_seconds):
            yield self._because(Kind.MISSING, f"stale, {self.newest_is} at {self.newest_at:%Y-%m-%d %H:%M} UTC")

    def _of_days(self) -> Iterator[Reason]:
        said = (
            (Kind.MISSING, self.partial, f"{counted(self.quarantined, 'record')} of {{}} cannot be understood"),
            (Kind.DOUBTFUL, self.refused, "{} could not be read again, and what was read before stays"),
            (Kind.WRONG, self.disagreeing, "the rows of {} do not add up to the provider's own sum; read again"),
            (Kind.DOUBTFUL, self.unchecked, "{} could not be held against the provider's own sum"),
            (Kind.MISSING, self.overdue, "the provider gives no figures for {} that should have them"),
            (Kind.MISSING, self.failed, "{} could never be read"),
        )
        yield from (self._because(kind, text.format(counted(days, "day"))) for kind, days, text in said if days)

    def _because(self, kind: Kind, text: str) -> Reason:
        return Reason(kind, f"{self.source} {self.account}: {text}")


def feed_statuses(cursor: duckdb.DuckDBPyConnection, feeds: Sequence[tuple[str, str, str]]) -> list[FeedStatus]:
    """Of every feed that is configured (source, account, provider) or was ever asked."""
    rows = cursor.execute(statement("warehouse", "feed_status")).fetchall()
    known = _with_the_gone_marked([FeedStatus(*row) for row in rows])
    asked = {(feed.source, feed.account) for feed in known}
    never = [FeedStatus(*feed) for feed in feeds if feed[:2] not in asked]
    return sorted(known + never, key=lambda feed: (feed.source, feed.account))


def _with_the_gone_marked(known: Sequence[FeedStatus]) -> list[FeedStatus]:
    """The same, marked where an account is asked for no more with the one whose table it was in."""
    asked = {(feed.source, feed.account): feed.asked_through for feed in known}

    def gone(feed: FeedStatus) -> bool:
        newest = asked.get((feed.source, feed.read_as or feed.account))
        return newest is not None and feed.asked_through is not None and feed.asked_through < newest

    return [replace(feed, gone=gone(feed)) for feed in known]


def same_bills(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """A line for each two accounts that are one organisation."""
    rows = cursor.execute(statement("warehouse", "same_bill")).fetchall()
    return [
        f"{source}: {account} and {other} are given the same lines, and counted twice; remove one of the two keys"
        for source, account, other in rows
    ]


def same_billing_accounts(feeds: Sequence[FeedStatus]) -> list[str]:
    """A line for each billing account that is read from two tables."""
    read: dict[str, list[str]] = {}
    for feed in feeds:
        if feed.billing_account and not feed.gone:
            read.setdefault(f"{feed.source}: the billing account {feed.billing_account}", []).append(feed.account)
    return [
        f"{what} is read as {' and '.join(names)}, and counted twice; name the accounts of each table with"
        " GCP_BILLING_ACCOUNT_ID, or remove one"
        for what, names in read.items()
        if len(names) > 1
    ]
