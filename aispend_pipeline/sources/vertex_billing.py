"""`vertex_billing`: what Google bills for AI, by day, SKU, project and place, from the billing export in BigQuery.

Facts: Google's guides to the export. Rows come hours after the usage, corrections weeks after, always as new rows; so
days are replaced whole, and nothing is ever left out as a duplicate. A table may hold several billing accounts, and
each is an account of ours: the table's own has the name that it is configured under, any other its own id.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import (
    GRID_START,
    DayAnswer,
    Fetch,
    FetchState,
    Page,
    Reading,
    Window,
    midnight,
    windows_of,
)
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.vertex_billing import VertexBilling
from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import bigquery, google
from aispend_pipeline.sources.engine import Asking, Read, attempt, tallied, tried
from aispend_pipeline.sources.http import Endpoint
from aispend_pipeline.sources.vertex_queries import (
    A_DAY,
    billing_accounts,
    changes,
    export_times,
    lines_exported,
    of_lines,
    of_window,
    worded,
)

MOST_DAYS = 31
# Lines that were exported earlier may be there later: the accounts of a table are not loaded together.
OVERLAP = timedelta(hours=6)
# Exports are looked for so far back; whoever has lines of a day within is seen there too.
_EXPORTS_SINCE, _SEEN_WITHIN = timedelta(days=4), timedelta(days=3)


@dataclass(frozen=True)
class _Exports:
    """The billing accounts of a table, when its newest line was exported, lately, and the pages that say so."""

    accounts: Collection[str]
    newest: datetime | None
    pages: Sequence[Page]


class VertexBillingSource:
    """See `engine.Source`."""

    name = "vertex_billing"
    provider = google.PROVIDER
    max_days = MOST_DAYS
    normaliser: Normaliser = VertexBilling()

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The tables to read, by the account that each is configured as."""
        return [account.name for account in settings.exports()]

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where `account` asks, and with whose credentials."""
        of = google.account_of(settings, account)
        return google.endpoint(of, of.bigquery_endpoint, google.BIGQUERY)

    def calls(self, settings: Settings, account: str, window: Window, now: datetime) -> int:
        """Two queries of three calls each, or more if there are several billing accounts; they are not counted."""
        return 6

    def late_days(self, settings: Settings, account: str) -> int:
        """For how many days lines of one may come; later ones are found by their export."""
        return google.account_of(settings, account).lookback_days

    async def read(self, asking: Asking, window: Window) -> list[Fetch]:
        """Read `window` of every billing account in the table; with the running day, older days that changed too.

        Those come last, so that they starve nothing, and the watermark moves on only if all of them were read.
        """
        account = google.account_of(asking.settings, asking.account)
        fetches = await self._window(asking, account, window)
        if asking.clock.now().date() not in window or fetches[-1].state is FetchState.FAILED:
            return fetches
        if asking.watermark is None:  # whatever is older will be read for the first time
            return [_noting(one, one.detail.get("exported_through")) for one in fetches]
        changed, watermark = await self._changed(asking, account, window, asking.watermark)
        if watermark is None:
            return fetches + changed
        return changed + [_noting(one, text_of(watermark)) for one in fetches]

    async def _changed(
        self, asking: Asking, account: GoogleAccount, window: Window, watermark: datetime
    ) -> tuple[list[Fetch], datetime | None]:
        """Fetches of the days before every hour's look-back that changed, and when the newest change was exported.

        That is none unless all were read; if it cannot be told, the one fetch is failed, and is of the window itself.
        """
        now = asking.clock.now()
        since = min(watermark, now) - OVERLAP  # a clock that was ahead may have noted what is not yet
        asked = partial(_days_changed, asking, account, since)
        changed = await tried(self, asking, window, asked, noted={"read_as": account.name})
        if isinstance(changed, Fetch):
            return [changed], None
        look_back = (now - timedelta(hours=asking.settings.lookback_hours)).date()
        read: list[Fetch] = []
        for run in windows_of(day for day in changed if GRID_START <= day < look_back):
            for piece in run.pieces(MOST_DAYS):
                read += await self._window(asking, account, piece)
        whole = all(fetch.state is FetchState.COMPLETE for fetch in read)
        return read, min(max(changed.values(), default=watermark), now) if whole else None

    async def _window(self, asking: Asking, account: GoogleAccount, window: Window) -> list[Fetch]:
        """One fetch for each billing account, the table's own last: what was exported, then the lines."""
        asked = partial(_looked, asking, account, window)
        exports = await tried(self, asking, window, asked, noted={"read_as": account.name})
        if isinstance(exports, Fetch):
            return [exports]
        names = names_of(account, exports.accounts)
        fetches = []
        for name, billing_account in names.items():
            noted = _noted(account.name, billing_account, exports.newest)
            if name == account.name and len(names) > 1:
                noted["beside"] = [other for other in names if other != name]
            read = partial(self._lines, asking, account, window, billing_account, exports)
            fetches.append(await attempt(self, asking, window, read, account=name, noted=noted))
        return fetches

    async def _lines(
        self,
        asking: Asking,
        account: GoogleAccount,
        window: Window,
        billing_account: str | None,
        exports: _Exports,
        pages: list[Page],
        now: datetime,
    ) -> Read:
        """The lines of one billing account; the days that were exported are answered, with lines or without."""
        pages.extend(exports.pages)
        if billing_account is None:  # every line of the table is another account's
            known = [day for day in window.days() if _is_known(day, exports.newest, now, ())]
            return Read([DayAnswer(day, 0, 0, rows_usd=Decimal(0)) for day in known])
        query = of_window("lines", account, window, of_lines(account, billing_account))
        await bigquery.run(asking, account, query, pages)
        rows = tallied(self.normaliser, pages, Reading.ROWS, window, now)
        through = max([*filter(None, [exports.newest]), *lines_exported(pages)], default=None)
        known = [day for day in window.days() if _is_known(day, through, now, rows.days)]
        usd = rows.converted
        answers = [DayAnswer(day, rows.rows[day], rows.pages[day], usd.get(day, Decimal(0))) for day in known]
        return Read(answers, rows.notes())


async def _looked(asking: Asking, account: GoogleAccount, window: Window) -> _Exports:
    """How far the table goes, and whose lines it has; older ones may be of accounts that have left it since."""
    now, pages, older = asking.clock.now(), list[Page](), list[Page]()
    await bigquery.run(asking, account, worded("exports", account, now - _EXPORTS_SINCE), pages)
    exported = export_times(pages)
    if exported and account.billing_accounts and not exported.keys() & set(account.billing_accounts):
        others = ", ".join(sorted(exported))[:200]
        remedy = f"and none of GCP_BILLING_ACCOUNT_ID{account.suffix}; set it to those that are to be read"
        plain = f"the table has lines of others, {remedy}"
        raise FetchError(ErrorClass.REJECTED, f"the table has lines of {others}, {remedy}", plain=plain)
    if window.first < (now - _SEEN_WITHIN).date():
        await bigquery.run(asking, account, of_window("accounts", account, window), older)
    newest = max(exported.values(), default=None)
    return _Exports({*exported, *billing_accounts(older)}, newest, [*pages, *older])


async def _days_changed(asking: Asking, account: GoogleAccount, since: datetime) -> dict[date, datetime]:
    pages: list[Page] = []
    await bigquery.run(asking, account, worded("changed", account, since - A_DAY, {"watermark": since}), pages)
    return changes(pages)


def names_of(account: GoogleAccount, seen: Collection[str]) -> dict[str, str | None]:
    """Our accounts of a table and the billing account that each is, the configured one last.

    It follows from the settings alone which that is, so that no line ever changes its account; lines of no billing
    account are the configured one's where nothing says which it is.
    """
    wanted = account.billing_accounts or tuple(sorted(seen))
    own = account.own_billing_account or ("" if "" in seen else None)
    return {**{one: one for one in wanted if one and one != own}, account.name: own}


def _is_known(day: date, through: datetime | None, now: datetime, with_rows: Collection[date]) -> bool:
    """Whether the export has reached `day`: to its end, or, with lines of it, into it; the future has no figures."""
    if through is None or day > now.date():
        return False
    return midnight(day + A_DAY) <= through or (day in with_rows and midnight(day) <= through)


def _noted(read_as: str, billing_account: str | None, through: datetime | None) -> dict[str, Any]:
    said = {
        "read_as": read_as,
        "billing_account": billing_account,
        "exported_through": text_of(through) if through else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _noting(fetch: Fetch, watermark: str | None) -> Fetch:
    return fetch if watermark is None else replace(fetch, detail={**fetch.detail, "watermark": watermark})


def text_of(at: datetime) -> str:
    """An instant to the microsecond, UTC: a watermark must not lie before the line that it is of."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
