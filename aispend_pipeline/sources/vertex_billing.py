"""`vertex_billing`: what Google bills for AI, by day, SKU, project and place, from the billing export in BigQuery.

Facts: Google's guides to the export. Rows come hours after the usage, corrections weeks after, always as new rows; so
days are replaced whole, and nothing is ever left out as a duplicate. A table may hold several billing accounts, and
each is an account of ours: the table's own has the name that it is configured under, any other its own id.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
from aispend_pipeline.normalise.bigquery import answer
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.vertex_billing import VertexBilling
from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import bigquery, google
from aispend_pipeline.sources.bigquery import Query, Value
from aispend_pipeline.sources.engine import Asking, Read, attempt, tallied
from aispend_pipeline.sources.http import Endpoint
from aispend_pipeline.sql import statement

MOST_DAYS = 31
COST_TYPES = ("regular", "adjustment", "rounding_error")
_PARTITIONS = {
    "ingestion": "_PARTITIONTIME >= @partition_from AND",
    "export_time": "export_time >= @partition_from AND",
    "none": "",
}
# Rows are looked for in partitions from a day before; a billing account counts as one of the table for this long.
_A_DAY, _SEEN_FOR = timedelta(days=1), timedelta(days=40)


@dataclass(frozen=True)
class _Exports:
    """The billing accounts of a table with when the newest line of each was exported, and the pages that say so."""

    through: Mapping[str, datetime]
    pages: Sequence[Page]

    @property
    def newest(self) -> datetime | None:
        """When the newest line of all was exported."""
        return max(self.through.values(), default=None)


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

        Those are read before, so that the watermark, which comes with the newest fetch, moves on only behind them.
        """
        account = google.account_of(asking.settings, asking.account)
        if asking.clock.now().date() not in window:
            return await self._window(asking, account, window)
        if asking.watermark is None:  # nothing is read yet, and whatever is older will be
            return await self._window(asking, account, window, moves_on=True)
        changed, watermark = await self._changed(asking, account, window, asking.watermark)
        whole = all(fetch.state is FetchState.COMPLETE for fetch in changed)
        return changed + await self._window(asking, account, window, watermark if whole else None)

    async def _changed(
        self, asking: Asking, account: GoogleAccount, window: Window, watermark: datetime
    ) -> tuple[list[Fetch], datetime]:
        """Fetches of the days before every hour's look-back that changed, and when the newest change was exported.

        If that cannot be told, the one fetch is failed.
        """
        changes: dict[date, datetime] = {}

        async def ask(pages: list[Page], now: datetime) -> Read:
            query = worded("changed", account, watermark - _A_DAY, watermark=watermark)
            await bigquery.run(asking, account, query, pages)
            changes.update(_changes(pages))
            return Read(())

        asked = await attempt(self, asking, window, ask, noted={"read_as": account.name})
        if asked.state is FetchState.FAILED:
            return [asked], watermark
        look_back = asking.clock.now() - timedelta(hours=asking.settings.lookback_hours)
        read: list[Fetch] = []
        for run in windows_of(day for day in changes if GRID_START <= day < look_back.date()):
            for piece in run.pieces(MOST_DAYS):
                read += await self._window(asking, account, piece)
        return read, max(changes.values(), default=watermark)

    async def _window(
        self,
        asking: Asking,
        account: GoogleAccount,
        window: Window,
        watermark: datetime | None = None,
        *,
        moves_on: bool = False,
    ) -> list[Fetch]:
        """One fetch for each billing account, the table's own last: what was exported, then the lines.

        `watermark` is noted with them; if it `moves_on`, the newest export is.
        """
        found: list[_Exports] = []

        async def look(pages: list[Page], now: datetime) -> Read:
            since = min(midnight(window.first) - _A_DAY, now - _SEEN_FOR)
            await bigquery.run(asking, account, worded("exports", account, since), pages)
            found.append(_Exports(export_times(pages), pages))
            return Read(())

        asked = await attempt(self, asking, window, look, noted={"read_as": account.name})
        if asked.state is FetchState.FAILED:
            return [asked]
        exports = found[0]
        fetches = []
        for name, billing_account in names_of(account, exports.through).items():
            noted = _noted(account.name, billing_account, exports, exports.newest if moves_on else watermark)
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
        query = worded(
            "lines",
            account,
            midnight(window.first) - _A_DAY,
            usage_from=midnight(window.first),
            usage_to=midnight(window.last + _A_DAY),
            billing_account_id=billing_account,
            cost_types=(*COST_TYPES, "tax") if account.include_tax else COST_TYPES,
        )
        await bigquery.run(asking, account, query, pages)
        rows = tallied(self.normaliser, pages, Reading.ROWS, window, now)
        through = exports.through.get(billing_account)
        known = [day for day in window.days() if _is_known(day, through, now, rows.days)]
        usd = rows.converted
        answers = [DayAnswer(day, rows.rows[day], rows.pages[day], usd.get(day, Decimal(0))) for day in known]
        return Read(answers, rows.notes())


def names_of(account: GoogleAccount, exported: Collection[str]) -> dict[str, str | None]:
    """Our accounts of a table and the billing account that each is, the configured one last.

    That one is none where the table has several and nothing says which is its own.
    """
    wanted = account.billing_accounts or tuple(sorted(exported))
    own = account.own_billing_account
    if own not in wanted:
        own = wanted[0] if len(wanted) == 1 else None
    others = {one: one for one in wanted if one and one != own}
    return {**others, account.name: own}


def _is_known(day: date, through: datetime | None, now: datetime, with_rows: Collection[date]) -> bool:
    """Whether the export has reached `day`: to its end, or, with lines of it, into it; the future has no figures."""
    if through is None or day > now.date():
        return False
    return midnight(day + _A_DAY) <= through or (day in with_rows and midnight(day) <= through)


def _noted(read_as: str, billing_account: str | None, exports: _Exports, watermark: datetime | None) -> dict[str, Any]:
    through = exports.through.get(billing_account or "")
    said = {
        "read_as": read_as,
        "billing_account": billing_account,
        "exported_through": _text(through) if through else None,
        "watermark": _text(watermark) if watermark else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _text(at: datetime) -> str:
    """To the microsecond: a watermark must not lie before the line that it is of."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def worded(
    name: str, account: GoogleAccount, partition_from: datetime, *, room: str = "sources", **parameters: Value
) -> Query:
    """The query of `vertex_<name>.sql` in `room`, with the parameters that its text names."""
    or_tax = "OR cost_type = 'tax'" if account.include_tax else ""
    sql = statement(room, f"vertex_{name}").format(
        table=account.table, partition_filter=_PARTITIONS[account.partition_mode], or_tax=or_tax
    )
    offered: dict[str, Value] = {
        "report_tz": "UTC",
        "partition_from": partition_from,
        "service_ids": account.service_ids,
        "service_pattern": account.service_pattern,
        "mixed_service_ids": account.mixed_service_ids,
        "mixed_sku_pattern": account.mixed_sku_pattern,
        **parameters,
    }
    reading = Reading.ROWS if name == "lines" else Reading.EXPORTS
    return Query(reading, sql, {key: value for key, value in offered.items() if f"@{key}" in sql})


def export_times(pages: Sequence[Page]) -> dict[str, datetime]:
    """By billing account, when its newest line was exported."""
    columns = ("account_id", "last_export_time", "rows_seen")
    return {account or "": _instant(at) for page in pages for account, at, _ in answer(page.body, columns)}


def _changes(pages: Sequence[Page]) -> dict[date, datetime]:
    """The days that changed, each with when its newest line was exported."""
    columns = ("usage_day", "new_rows", "last_export_time")
    try:
        return {
            date.fromisoformat(day or ""): _instant(at) for page in pages for day, _, at in answer(page.body, columns)
        }
    except ValueError as error:
        raise FetchError(ErrorClass.SCHEMA, f"BigQuery's answer names no day: {error}") from None


def _instant(text: str | None) -> datetime:
    """BigQuery's instant: microseconds since 1970, as text."""
    try:
        return midnight(date(1970, 1, 1)) + timedelta(microseconds=int(text or ""))
    except (ValueError, OverflowError):
        raise FetchError(
            ErrorClass.SCHEMA, f"BigQuery's answer has no instant where one was expected: {text!r}"
        ) from None
