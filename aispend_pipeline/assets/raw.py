"""`raw/<source>`: a provider's answers, as received."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from aispend_pipeline import ingest, money
from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import MADE_HOURLY, a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import BACKFILL
from aispend_pipeline.assets.tags import accounts_asked
from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.log import bound
from aispend_pipeline.model import Fetch, FetchState, Window, windows_of
from aispend_pipeline.sources.engine import Source
from aispend_pipeline.warehouse.fetches import still_failing


def raw_pages(source: Source) -> dg.AssetsDefinition:
    """The asset of one source: one partition a day, all accounts.

    It has no retry policy: the engine has tried again already wherever that made sense. Where some
    account was read and another not, the step succeeds and its check fails, so that what lies
    below it in the same run is added up for the one. Where some account has used up its calls, only the days
    that were read are materialised, and the next hour asks for the others.
    """
    key = dg.AssetKey(["raw", source.name])

    @dg.asset(
        key=key,
        description=f"Pages of {source.name}, as received: one row a page of each fetch, bodies kept once.\n{BACKFILL}",
        partitions_def=days,
        backfill_policy=a_month_a_run,
        group_name="raw",
        kinds={"duckdb", source.provider},
        owners=["team:finops"],
        freshness_policy=MADE_HOURLY,
        metadata={"dagster/column_schema": columns.schema(columns.PAGE)},
        output_required=False,
        check_specs=[dg.AssetCheckSpec(READ, asset=key, description=_READ_MEANS)],
    )
    def fetch(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Events:
        with bound(run_id=context.run.run_id):
            read = ingest.read_source(
                source,
                installation.settings,
                installation.warehouse,
                window_of(context),
                clock=installation.clock,
                limits=installation.limits,
                accounts=accounts_asked(context.run.tags, source.name),
                run_id=context.run.run_id,
            )
        fetches = _last_of_each(read)
        waiting, others = _parted(fetches)
        failing = [f for f in others if f.state is FetchState.FAILED]
        failed = [*_by_error(failing), *_from_before(source, installation, window_of(context))]
        wait = _by_error(waiting)
        yield dg.AssetCheckResult(
            passed=not failed,
            check_name=READ,
            asset_key=key,
            description=in_short([*failed, *wait]),
            metadata={"failed": listed(failed), "waiting": listed(wait)},
        )
        if failing and len(failing) == len(fetches):
            raise dg.Failure("; ".join(_by_error(failing)), allow_retries=False)
        if waiting:
            for day, noted in _days_read(context, fetches):
                context.log_event(dg.AssetMaterialization(key, partition=day, metadata=noted))
            return
        for day, noted in _days_read(context, fetches):
            context.add_asset_metadata(noted, partition_key=day)
        yield dg.MaterializeResult(asset_key=key)

    return fetch


READ = "every_account_is_read"
_READ_MEANS = (
    "Every account gave every day that it was asked for, now and before. Every hour asks again for those that are"
    " lacking; aispend doctor says what stands in the way."
)
# So long the failure counts of a day that was read before, and was asked for again.
_LATELY = timedelta(days=2)
IN_SHORT = 3
Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]  # type: ignore[type-arg]


def _from_before(source: Source, installation: Installation, window: Window) -> list[str]:
    """A line for each account and what it said of days outside `window` that it has not given since."""
    since = installation.clock.now() - _LATELY
    asked = source.accounts(installation.settings)
    days: dict[tuple[str, str], list[date]] = {}
    for one in still_failing(installation.settings.home, source.name, since):
        if one.account in asked and one.day not in window:
            days.setdefault((one.account, one.error), []).append(one.day)
    return [f"{account} {ranges(of)}: {error}" for (account, error), of in days.items()]


def _last_of_each(fetches: list[Fetch]) -> list[Fetch]:
    """The fetch that counts for each account and window: a second reading replaces the first."""
    return list({(f.account, f.window): f for f in fetches}.values())


def _parted(fetches: list[Fetch]) -> tuple[list[Fetch], list[Fetch]]:
    """Those that wait for their account's call budget, of which nothing is wrong, and the others."""
    waiting = [f for f in fetches if f.error_class == ErrorClass.OUT_OF_BUDGET]
    return waiting, [f for f in fetches if f not in waiting]


def _by_error(fetches: Sequence[Fetch]) -> list[str]:
    """A line for each account and what it said, with the windows of which it said so."""
    windows: dict[tuple[str, str | None], list[str]] = {}
    for fetch in fetches:
        windows.setdefault((fetch.account, fetch.error), []).append(str(fetch.window))
    return [f"{account} {', '.join(of)}: {error}" for (account, error), of in windows.items()]


def _days_read(context: dg.AssetExecutionContext, fetches: list[Fetch]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each day that was read: its rows, dollars, pages and share of the seconds, all accounts together."""
    for day in context.partition_keys:
        answers = [(f, a) for f in fetches for a in f.answers if a.day.isoformat() == day]
        if answers:
            seconds = sum((f.finished_at - f.started_at).total_seconds() / len(f.answers) for f, _ in answers)
            pages = sum(answer.pages for _, answer in answers)
            noted = {
                "dagster/partition_row_count": pages,
                "pages": pages,
                "lines": sum(answer.rows for _, answer in answers),
                "seconds": seconds,
            }
            usd = [answer.rows_usd for _, answer in answers if answer.rows_usd is not None]
            yield day, {**noted, "usd": plotted(money.add(usd))} if usd else noted


def ranges(days: Iterable[date]) -> str:
    """Days as runs of them, for a line."""
    return ", ".join(map(str, windows_of(days)))


def in_short(lines: Sequence[str]) -> str | None:
    """The first of them and how many more there are, where a check's page shows text; none where there are none."""
    more = f"; and {len(lines) - IN_SHORT} more" if len(lines) > IN_SHORT else ""
    return "; ".join(lines[:IN_SHORT]) + more or None


def listed(lines: Sequence[str]) -> dg.TextMetadataValue:
    """All of them, where Dagster would show a list only after a click."""
    return dg.MetadataValue.text("\n".join(lines) or "none")


def plotted(usd: Decimal) -> dg.FloatMetadataValue:
    """Dollars for a chart in Dagster's UI, which draws floats only; nothing reads them back."""
    return dg.MetadataValue.float(float(usd))
