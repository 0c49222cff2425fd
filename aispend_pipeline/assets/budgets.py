"""`raw/vertex_budget`: what Google says of budgets, and the notifications of them, read every hour."""

import dagster as dg

from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import MADE_HOURLY
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.raw import READ, Events, in_short, listed
from aispend_pipeline.budgets.model import SOURCE
from aispend_pipeline.budgets.reading import BudgetsRead, read_budgets
from aispend_pipeline.log import bound

BUDGETS = dg.AssetKey(["raw", SOURCE])


@dg.asset(
    key=BUDGETS,
    description="Pages of Google's budgets and of their notifications, as received; never rows of spend.",
    group_name="raw",
    kinds={"duckdb", "vertex"},
    owners=["team:finops"],
    freshness_policy=MADE_HOURLY,
    metadata={"dagster/column_schema": columns.schema(columns.PAGE)},
    check_specs=[dg.AssetCheckSpec(READ, asset=BUDGETS, description="Every account answered every question.")],
)
def budgets(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Events:
    """Read the budgets of every account that has any.

    It is not partitioned, since a budget is of no day, and fails only if nothing at all was read.
    """
    started = installation.clock.monotonic()
    with bound(run_id=context.run.run_id):
        accounts = read_budgets(
            installation.settings,
            installation.warehouse,
            clock=installation.clock,
            limits=installation.limits,
            run_id=context.run.run_id,
        )
    failed = [f"{read.account}: {error}" for read in accounts for error in read.errors]
    yield dg.AssetCheckResult(
        passed=not failed,
        check_name=READ,
        asset_key=BUDGETS,
        severity=dg.AssetCheckSeverity.WARN,
        description=in_short(failed),
        metadata={"failed": listed(failed)},
    )
    if failed and not any(read.budgets or read.messages for read in accounts):
        raise dg.Failure("; ".join(failed), allow_retries=False)
    noted: dict[str, int | float | dict[str, int]] = {
        "budgets": sum(read.budgets for read in accounts),
        "seconds": installation.clock.monotonic() - started,
        **{read.account: _of_account(read) for read in accounts},
    }
    yield dg.MaterializeResult(asset_key=BUDGETS, metadata=noted)


def _of_account(read: BudgetsRead) -> dict[str, int]:
    """How many budgets, and what became of the messages."""
    return {"budgets": read.budgets, **read.messages}
