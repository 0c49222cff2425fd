"""Asks BigQuery about one account's billing export: can it be read, for how much, is it alive, and last month's totals.

Facts: BigQuery's reference of tables and jobs; a dry run reads nothing and costs nothing. An export has lines within
a day, and a table that nothing was added to for longer is most likely not written any more.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from aispend_pipeline.clock import utc_text
from aispend_pipeline.doctor import last_month
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.last_month import Sums, Total
from aispend_pipeline.errors import FetchError
from aispend_pipeline.model import Page, Request, Window
from aispend_pipeline.normalise.bigquery import answer
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources import bigquery, google
from aispend_pipeline.sources.bigquery import Query
from aispend_pipeline.sources.engine import Asking
from aispend_pipeline.sources.vertex_billing import VertexBillingSource, names_of
from aispend_pipeline.sources.vertex_queries import export_times, of_lines, of_window, worded

LONGEST_SILENCE = timedelta(hours=26)
_SEEN_FOR = timedelta(days=40)
_LEAST_BILLED = 10 * 1024**2  # bytes, for every query
_MODES: tuple[str, ...] = ("ingestion", "export_time", "none")
_STANDARD = "gcp_billing_export_v1_"


class _Partitioning(msgspec.Struct):
    field: str | None = None


class _Table(msgspec.Struct, rename="camel"):
    type: str
    location: str = "?"
    time_partitioning: _Partitioning | None = None

    @property
    def mode(self) -> str:
        """The partition mode that fits."""
        if self.type != "TABLE" or self.time_partitioning is None:
            return "none"
        column = self.time_partitioning.field
        return {None: "ingestion", "export_time": "export_time"}.get(column, "none")


class _Statistics(msgspec.Struct, rename="camel"):
    total_bytes_processed: str


class _DryRun(msgspec.Struct):
    statistics: _Statistics


_table = msgspec.json.Decoder(_Table)
_dry_run = msgspec.json.Decoder(_DryRun)


@dataclass(frozen=True)
class Export:
    """One account's table, and what asking about it needs; `project` runs and pays the queries."""

    asking: Asking
    account: GoogleAccount
    month: Window
    project: str

    async def table(self) -> Finding:
        """What the table is, and whether it is read by the partitions that it has."""
        project, dataset, table = (self.account.table or "").rsplit(".", 2)
        path = f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}"
        found = decode(_table, await self.asking.caller.page(Request(path)))
        return self._found(*_fitting(found, self.account))

    def standard(self) -> list[Finding]:
        """A word if the table is the standard export, as its name has it."""
        table = self.account.bq_table or ""
        if not table.startswith(_STANDARD):
            return []
        better = table.replace(_STANDARD, "gcp_billing_export_resource_v1_")
        text = f"{table} is the standard export; the detailed one has the same money by resource, and is better: once"
        return [self._found(Level.NOTE, f"{text} it is on, set GCP_BQ_TABLE{self.account.suffix}={better} instead")]

    async def cost(self) -> Finding:
        """What the query of every day reads as set, and in the other partition modes that the table can be read in."""
        mode: str = self.account.partition_mode
        read = {mode: await self._read_in(mode)}
        for other in _MODES:
            if other != mode:
                try:
                    read[other] = await self._read_in(other)
                except FetchError as error:
                    if error.status != 400:  # which is a mode that the table has no column for
                        raise
        return self._found(*_affordable(read, self.account))

    async def _read_in(self, mode: str) -> int:
        """The bytes that reading the last days again would read."""
        today = self.asking.clock.now().date()
        days = Window(today - timedelta(days=self.account.lookback_days), today)
        account = self.account.model_copy(update={"partition_mode": mode})
        query = of_window("lines", account, days, of_lines(account, ""))
        body = await self.asking.caller.page(_dry(query, self.project))
        text = decode(_dry_run, body).statistics.total_bytes_processed
        return int(text) if text.isascii() and text.isdigit() else 0

    async def exported(self) -> dict[str, datetime]:
        """By billing account, when its newest line of the last 40 days was exported."""
        now = self.asking.clock.now()
        pages: list[Page] = []
        await bigquery.run(self.asking, self.account, worded("exports", self.account, now - _SEEN_FOR), pages)
        return export_times(pages)

    def alive(self, exported: Mapping[str, datetime]) -> list[Finding]:
        """Whether lines still come, for every billing account; and whether it is clear which is which."""
        own = self.account.suffix
        if not exported:
            text = "the table has no line of the last 40 days; a new export takes some hours to fill: later, look at"
            return [self._found(Level.FAIL, f"{text} Billing export in the console, and check GCP_BQ_TABLE{own}")]
        alive = self.asking.clock.now() - max(exported.values()) <= LONGEST_SILENCE
        named = self.account.billing_accounts or sorted(exported)
        said = [self._age(one, exported.get(one), alive=alive) for one in named]
        if None in names_of(self.account, exported).values():
            text = f"which of the table's billing accounts is {self.account.name} is not told, so that each has its own"
            remedy = f"set GCP_BILLING_ACCOUNT_ID{own}, the table's own first"
            said.append(self._found(Level.NOTE, f"{text} id for a name; {remedy}"))
        return said

    def _age(self, billing_account: str, at: datetime | None, *, alive: bool) -> Finding:
        """How long ago something was exported; one account may be silent in an export that is alive."""
        own, named = self.account.suffix, f"billing account {billing_account}" if billing_account else "no account"
        if at is None:
            text = f"the table has no line of {named} of the last 40 days; check GCP_BILLING_ACCOUNT_ID{own}"
            return self._found(Level.FAIL, text)
        ago = self.asking.clock.now() - at
        text = f"the newest line of {named} was exported {utc_text(at)}, {_long(ago)} ago"
        if ago <= LONGEST_SILENCE:
            return self._found(Level.OK, text)
        if alive:
            return self._found(Level.NOTE, f"{text}, when others' are newer; see in the console whether it is open")
        remedy = "see in the console, under Billing export, that it is on and writes to this table, and that the"
        return self._found(Level.FAIL, f"{text}: the export looks dead; {remedy} billing account is open")

    async def totals(self, exported: Mapping[str, datetime]) -> AsyncIterator[Total]:
        """Last month of every billing account: Google's own sums beside what is stored."""
        for name, billing_account in names_of(self.account, exported).items():
            theirs = {} if billing_account is None else await self._sums(billing_account)
            yield self.total(name, theirs)

    def total(self, name: str, theirs: Sums | None) -> Total:
        """Last month of one account; `theirs` is none where it could not be learned."""
        home = self.asking.settings.home
        ours = last_month.stored(home, VertexBillingSource.name, name, self.month)
        return Total(google.PROVIDER, name, self.month, theirs, ours)

    async def _sums(self, billing_account: str) -> dict[str, Decimal]:
        pages: list[Page] = []
        query = of_window("month", self.account, self.month, of_lines(self.account, billing_account), room="doctor")
        await bigquery.run(self.asking, self.account, query, pages)
        rows = [row for page in pages for row in answer(page.body, ("currency_code", "net_nanos", "source_rows"))]
        return {currency or "": Decimal(nanos or 0).scaleb(-9) for currency, nanos, _ in rows}

    def _found(self, level: Level, text: str) -> Finding:
        return Finding(level, f"{google.PROVIDER} {self.account.name}", text)


def _dry(query: Query, project: str) -> Request:
    """The question how much `query` would read; a result from the cache would read nothing."""
    from google.cloud import bigquery as client  # which takes a third of a second to import

    from aispend_pipeline.sources.bigquery_job import parameter

    config = client.QueryJobConfig(
        query_parameters=[parameter(name, value) for name, value in query.parameters.items()],
        use_query_cache=False,
        use_legacy_sql=False,
        dry_run=True,
    )
    configuration = config.to_api_repr()
    configuration["query"]["query"] = query.sql
    content = json.dumps({"configuration": configuration}).encode()
    return Request(f"/bigquery/v2/projects/{project}/jobs", method="POST", content=content)


def _fitting(table: _Table, account: GoogleAccount) -> tuple[Level, str]:
    """Whether the partition mode that is set fits the table."""
    own, set_to = account.suffix, account.partition_mode
    kind = "a table" if table.type == "TABLE" else f"a {table.type.lower().replace('_', ' ')}"
    by = {"ingestion": "partitioned by ingestion", "export_time": "partitioned by export_time"}
    text = f"{account.table} is {kind} in {table.location}, {by.get(table.mode, 'without partitions of its own')}"
    remedy = f"set GCP_BQ_PARTITION_MODE{own}={table.mode}"
    if set_to == table.mode or (table.type != "TABLE" and set_to == "export_time"):
        return Level.OK, text
    if set_to == "ingestion":
        return Level.FAIL, f"{text}, and has no _PARTITIONTIME to be read by; {remedy}"
    return Level.NOTE, f"{text}, and is not read by them, which costs more; {remedy}"


def _affordable(read: Mapping[str, int], account: GoogleAccount) -> tuple[Level, str]:
    """Whether the query of every day may read what it reads as set, the first of `read`."""
    (mode, bytes_read), *others = read.items()
    most, own = account.max_bytes_billed, account.suffix
    if max(bytes_read, _LEAST_BILLED) <= most:
        beside = "".join(f", {_size(size)} with {other}" for other, size in others)
        return Level.OK, f"the query of every day reads {_size(bytes_read)} as set ({mode}){beside}"
    text = f"the query of every day would read {_size(bytes_read)} as set ({mode}), more than the {_size(most)} of"
    better, least = min(others, key=lambda one: one[1], default=(mode, bytes_read))
    remedy = f"raise it to {bytes_read} or more"
    if least < bytes_read and least <= most:
        remedy = f"set GCP_BQ_PARTITION_MODE{own}={better}, which reads {_size(least)}"
    return Level.FAIL, f"{text} GCP_BQ_MAX_BYTES_BILLED{own}; {remedy}"


def _size(count: int) -> str:
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count} bytes"


def _long(span: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours")):
        if span >= 2 * unit:
            return f"{span // unit} {name}"
    return f"{span // timedelta(minutes=1)} minutes"
