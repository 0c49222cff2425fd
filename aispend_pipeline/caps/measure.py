"""What is known of each scope's spend in a period, and what is wrong with reading it, from one published snapshot.

Money is exact USD, instants are UTC. Nothing here decides or sends.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.caps import doubts
from aispend_pipeline.caps.doubts import Trouble
from aispend_pipeline.caps.known import Known, Unconverted, configured, newest, read, unconverted
from aispend_pipeline.caps.model import NO_VERSION, UNKNOWN, Measurement, Period, Scope, Version
from aispend_pipeline.caps.stand_in import StandIn, stand_in
from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.names.kept import Named, newest_names
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.reads import DEFAULT_WORKSPACE
from aispend_pipeline.warehouse.status import FeedStatus

__all__ = ["Trouble", "measure", "movers", "troubles"]


def measure(settings: Settings, scopes: Sequence[Scope], periods: Sequence[Period], now: datetime) -> list[Measurement]:
    """A measurement of every scope in every period, all from the newest snapshot.

    Where nothing was published there is a hole. Raises `StoreError` when the snapshot cannot be read.
    """
    asked = [(scope, period) for scope in scopes for period in periods]
    if not asked:
        return []
    span = Window(min(period.window.first for period in periods), max(period.window.last for period in periods))
    try:
        with newest(settings.home) as (published, cursor):
            known = read(cursor, settings, span)
    except NothingPublished as error:
        why = str(error).removeprefix(f"{settings.home}: ")
        return [_nothing(scope, period, why) for scope, period in asked]
    version = Version(published.store_id, published.seq)
    return [_measured(known, version, scope, period, now, settings) for scope, period in asked]


def _nothing(scope: Scope, period: Period, why: str) -> Measurement:
    return Measurement(
        scope.name,
        period,
        total=Decimal(0),
        holes=(why,),
        doubts=(),
        stale=False,
        unconfirmed=False,
        data_through={},
        billed_through=dict.fromkeys(scope.providers),
        read_seq=0,
        version=NO_VERSION,
    )


def _measured(
    known: Known, version: Version, scope: Scope, period: Period, now: datetime, settings: Settings
) -> Measurement:
    after, hard_on_estimates = settings.stale_after_seconds, settings.hard_caps_on_estimates
    beside = _stand_in(known, scope, period, now)
    billed = replace(scope, providers=tuple(of for of in scope.providers if of not in beside.basis))
    own = [feed for feed in known.feeds if feed.provider in billed.providers]
    stale = [line for feed in own if (line := doubts.stale(feed, now, after))]
    falls = [
        doubts.not_confirmed(feed, day, fall)
        for feed in own
        for day, fall in known.falls.get((feed.source, feed.account), {}).items()
        if day in period.window
    ]
    missing = [
        hole
        for feed in own
        for hole in doubts.holes(feed, known.days.get((feed.source, feed.account), {}), period, now, after)
    ]
    in_scope = [spend for (of, day), spend in known.sums.items() if of in billed.providers and day in period.window]
    estimated = money.add(spend.estimated for spend in in_scope)
    return Measurement(
        scope.name,
        period,
        total=money.add((*(spend.billed for spend in in_scope), estimated, beside.total)),
        estimated=estimated,
        holes=(
            *_unread(scope, beside.basis, own),
            *missing,
            *_left_out(known, billed, period),
            *beside.holes,
            *_only_budgets(known, scope),
        ),
        doubts=(*stale, *beside.stale, *falls),
        stale=bool(stale or beside.stale),
        unconfirmed=bool(falls),
        data_through={**_data_through(own), **beside.data_through},
        billed_through=_billed_through(known, scope, own),
        read_seq=max(_newest_fetch(known, billed, period), beside.read_seq),
        version=version,
        basis=beside.basis,
        hard_on_estimates=hard_on_estimates,
        unpriced=tuple(_unpriced(known, scope, period)),
    )


def _stand_in(known: Known, scope: Scope, period: Period, now: datetime) -> StandIn:
    """What budgets say of the one provider of the scope of which nothing else is read; its old bills are left out."""
    asked = [(of, known.budgets[of]) for of in scope.providers if of in known.budgets]
    return stand_in(*asked[0], period, now) if asked else StandIn()


def _only_budgets(known: Known, scope: Scope) -> list[str]:
    """A line for each account whose budgets are read and whose bill is not: a budget is added to no bill."""
    lacking = [(of, setting) for of in scope.providers for setting in known.only_budgets.get(of, ())]
    return [f"{of}: of one account only budgets are read; set {setting}, or remove them" for of, setting in lacking]


def _unread(scope: Scope, beside: Collection[str], own: Sequence[FeedStatus]) -> list[str]:
    """A line for each provider of the scope that nothing reads."""
    if not scope.providers:
        return [f"{scope.name}: no provider is read; set {KEY_SETTINGS}, or remove the cap"]
    known = {*beside, *(feed.provider for feed in own)}
    return [f"{of}: is not read; set its credentials, or remove the cap" for of in scope.providers if of not in known]


def _left_out(known: Known, scope: Scope, period: Period) -> list[str]:
    """A line for each account with money that the total lacks."""
    own = [one for one in known.unconverted if one.provider in scope.providers and one.day in period.window]
    return [
        f"{subject}: {amounts} of {period.name} have no rate, and are in no total"
        for subject, amounts in _amounts(own).items()
    ]


def _unpriced(known: Known, scope: Scope, period: Period) -> Iterator[str]:
    """A line for each account and reason why what was used has no money."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for one in known.unpriced:
        if one.provider in scope.providers and one.day in period.window:
            how = "are never billed" if one.never_billed else "cannot be estimated"
            subject, why = f"{one.provider} {one.account}", f"{how}: {one.why or UNKNOWN}"
            counted[subject, "tokens", why] += int(one.tokens)
            counted[subject, "units", why] += int(one.other_units)
    for (subject, what, why), count in counted.items():
        if count:
            yield f"{subject}: {count:,} {what} of {period.name} {why}"


def _amounts(left_out: Sequence[Unconverted]) -> dict[str, str]:
    """By account, what there is in each currency: `12.50 EUR, 3.00 GBP`."""
    sums: dict[str, dict[str, Decimal]] = {}
    for one in left_out:
        of_account = sums.setdefault(f"{one.provider} {one.account}", {})
        of_account[one.currency] = money.add((of_account.get(one.currency, Decimal(0)), one.amount))
    return {
        subject: ", ".join(f"{money.text(amount)} {currency}" for currency, amount in of.items())
        for subject, of in sums.items()
    }


def _data_through(own: Sequence[FeedStatus]) -> dict[str, datetime]:
    """How far each provider's figures reach: the end of the newest day that is known, or when it was read."""
    through: dict[str, datetime] = {}
    for feed in own:
        if feed.last_day is not None and feed.newest_at is not None:
            reaches = min(midnight(feed.last_day + timedelta(days=1)), feed.newest_at)
            through[feed.provider] = min(through.get(feed.provider, reaches), reaches)
    return through


def _billed_through(known: Known, scope: Scope, own: Sequence[FeedStatus]) -> dict[str, date | None]:
    through: dict[str, date | None] = {}
    for provider in scope.providers:
        of = [known.billed_through.get((feed.source, feed.account)) for feed in own if feed.provider == provider]
        through[provider] = min((day for day in of if day), default=None) if all(of) else None
    return through


def _newest_fetch(known: Known, scope: Scope, period: Period) -> int:
    seen = (seq for (of, day), seq in known.newest.items() if of in scope.providers and day in period.window)
    return max(seen, default=0)


class _Mover(NamedTuple):
    """What has a bill of its own; its ids are none where the bill does not tell them. USD."""

    provider: str
    account: str
    project: str | None
    api_key: str | None
    model: str | None
    usd: Decimal
    recent_usd: Decimal

    def facts(self, names: Mapping[Named, str]) -> dict[str, str | None]:
        """As facts hold it."""
        default = DEFAULT_WORKSPACE if self.provider == "anthropic" and self.project is None else None
        return {
            "project": self.project,
            "project_name": self._name(names, self.project, "project", "workspace") or default,
            "api_key": self.api_key,
            "api_key_name": self._name(names, self.api_key, "api_key"),
            "model": self.model,
            "usd": money.text(self.usd),
            "recent_usd": money.text(self.recent_usd),
        }

    def _name(self, names: Mapping[Named, str], id_: str | None, *kinds: str) -> str | None:
        found = [] if id_ is None else [names.get(Named(self.provider, self.account, kind, id_)) for kind in kinds]
        return next((name for name in found if name), None)


def movers(home: Path, scope: Scope, period: Period, now: datetime) -> list[dict[str, str | None]]:
    """The keys, projects and models with the highest bills of the period, three at most, as facts hold them.

    `recent_usd` is what of it is since the start of yesterday. Raises `StoreError` when the snapshot cannot be read.
    """
    asked = {
        "first": period.window.first,
        "last": period.window.last,
        "recent": now.date() - timedelta(days=1),
        "providers": list(scope.providers),
    }
    try:
        with newest(home) as (_, cursor):
            found = [_Mover(*row) for row in cursor.execute(statement("caps", "movers"), asked).fetchall()]
            names = newest_names(cursor)
    except NothingPublished:
        return []
    return [mover.facts(names) for mover in found]


class Accounts(NamedTuple):
    """What is wrong with reading accounts, worst first, one for each; and the accounts that are read well."""

    troubles: list[Trouble]
    well: set[str]


def troubles(settings: Settings, now: datetime) -> Accounts | None:
    """How the accounts do; money of the month without a rate is a trouble of its own. None before anything is read.

    Raises `StoreError` when the snapshot cannot be read.
    """
    try:
        with newest(settings.home) as (_, cursor):
            own = configured(cursor, settings)
            left_out = unconverted(cursor, Period.of(now.date()).window)
    except NothingPublished:
        return None
    providers = {feed.provider for feed in own}
    amounts = _amounts([one for one in left_out if one.provider in providers])
    of_reading = doubts.troubles_of(own, now, settings.stale_after_seconds)
    read = {doubts.account_of(feed) for feed in own if feed.last_complete_at is not None}
    of_money = [
        Trouble(f"{subject} currency", "currency", f"{told} have no rate, and are in no total and under no cap")
        for subject, told in amounts.items()
    ]
    return Accounts([*of_reading, *of_money], well=read - {one.subject for one in of_reading})
