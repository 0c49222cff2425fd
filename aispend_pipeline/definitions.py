"""The whole product on one page: providers' pages, billed lines and usage, sums, names, caps, and when all runs."""

import dagster as dg

from aispend_pipeline.assets.budgets import budgets
from aispend_pipeline.assets.checks import (
    estimates_are_near_the_bill,
    every_day_is_read,
    no_day_below_zero,
    no_day_was_restated,
)
from aispend_pipeline.assets.installation import Installation, SnapshotResource
from aispend_pipeline.assets.names import names
from aispend_pipeline.assets.notify import caps, notify_job
from aispend_pipeline.assets.raw import raw_pages
from aispend_pipeline.assets.retention import retention_daily, retention_job
from aispend_pipeline.assets.schedules import hourly_ingest, hourly_ingest_job, recompute_job
from aispend_pipeline.assets.sensors import cap_check
from aispend_pipeline.assets.spend import spend
from aispend_pipeline.assets.tags import shown
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.sources import SOURCES


def product(installation: Installation, home: str = "") -> dg.Definitions:
    """Everything, on one installation; `home` is its folder, empty for what the environment says.

    Another project may merge it into its own (`dg.Definitions.merge`), if that has no other executor.
    """
    return dg.Definitions(
        assets=[*(raw_pages(source) for source in SOURCES.values()), budgets, spend, names, caps],
        asset_checks=[every_day_is_read, no_day_below_zero, no_day_was_restated, estimates_are_near_the_bill],
        jobs=[hourly_ingest_job, recompute_job(_home(installation)), notify_job, retention_job],
        schedules=[hourly_ingest, retention_daily],
        sensors=[cap_check],
        resources={"installation": installation, "snapshot": SnapshotResource(database=home)},
        # The store has one writer, so that steps gain nothing by processes of their own, each of which takes seconds.
        executor=dg.in_process_executor,
    )


def _home(installation: Installation) -> str:
    """Whose figures these are; empty as long as settings cannot be used."""
    try:
        return shown(installation.settings.home)
    except SettingsError:
        return ""


# What Dagster's own processes load: the installation that the environment describes.
defs = product(Installation())
