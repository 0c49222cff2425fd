"""`raw/<source>`: a provider's answers, as received."""

from decimal import Decimal

import dagster as dg

from aispend_pipeline import ingest, money
from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.model import Fetch, FetchState
from aispend_pipeline.sources.engine import Source


def raw_pages(source: Source) -> dg.AssetsDefinition:
    """The asset of one source: one partition a day, all accounts.

    It has no retry policy: the engine has tried again already wherever that made sense.
    """

    @dg.asset(
        key=["raw", source.name],
        description=f"Pages of {source.name}, as received: one row a page of each fetch, bodies kept once.",
        partitions_def=days,
        backfill_policy=a_month_a_run,
        group_name="raw",
        kinds={"duckdb", source.provider},
        owners=["team:finops"],
        metadata={"dagster/column_schema": columns.schema(columns.PAGE)},
    )
    def fetch(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
        fetches = ingest.read_source(
            source,
            installation.settings,
            installation.warehouse,
            window_of(context),
            clock=installation.clock,
            limits=installation.limits,
            run_id=context.run.run_id,
        )
        _note_days(context, fetches)
        failed = [f for f in _last_of_each(fetches) if f.state is FetchState.FAILED]
        if failed:
            raise dg.Failure("; ".join(f"{f.account} {f.window}: {f.error}" for f in failed), allow_retries=False)

    return fetch


def _last_of_each(fetches: list[Fetch]) -> list[Fetch]:
    """The fetch that counts for each account and window: a second reading replaces the first."""
    return list({(f.account, f.window): f for f in fetches}.values())


def _note_days(context: dg.AssetExecutionContext, fetches: list[Fetch]) -> None:
    """Each day's own rows, dollars, pages and seconds, all accounts together."""
    for day in context.partition_keys:
        answers = [(f, a) for f in _last_of_each(fetches) for a in f.answers if a.day.isoformat() == day]
        usd = money.add(answer.rows_usd for _, answer in answers)
        seconds = sum((f.finished_at - f.started_at).total_seconds() for f, _ in answers)
        context.add_asset_metadata(
            {
                "dagster/partition_row_count": sum(answer.rows for _, answer in answers),
                "usd": plotted(usd),
                "pages": sum(answer.pages for _, answer in answers),
                "seconds": seconds,
            },
            partition_key=day,
        )


def plotted(usd: Decimal) -> dg.FloatMetadataValue:
    """Dollars for a chart in Dagster's UI, which draws floats only; nothing reads them back."""
    return dg.MetadataValue.float(float(usd))
