"""`names`: what projects, workspaces, keys and users are called, read once a day."""

import dagster as dg

from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import MADE_DAILY
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.raw import READ, Events, in_short, listed
from aispend_pipeline.log import bound
from aispend_pipeline.names.reading import NamesRead, read_names
from aispend_pipeline.tick import names_due_now

NAMES = dg.AssetKey("names")

NAME = {
    "provider": ("VARCHAR", "whose list it was in"),
    "account": ("VARCHAR", "the organisation"),
    "kind": ("VARCHAR", "organization, workspace, project, api_key, user, service_account or api_key_owner"),
    "id": ("VARCHAR", "as rows carry it"),
    "name": ("VARCHAR", "of a user without one, the mail address; of an api_key_owner, the owner's id"),
    "first_seen_at": ("TIMESTAMP", "UTC; when it was first called that"),
    "last_seen_at": ("TIMESTAMP", "UTC; when it was last called that"),
}


@dg.asset(
    key=NAMES,
    description="What ids are called: every name that was ever seen, with its first and last sight.",
    group_name="names",
    kinds={"duckdb", "openai", "anthropic"},
    owners=["team:finops"],
    freshness_policy=MADE_DAILY,
    metadata={"dagster/column_schema": columns.schema(NAME)},
    check_specs=[dg.AssetCheckSpec(READ, asset=NAMES, description="Every account answered every list.")],
)
def names(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Events:
    """Read the lists of every account that is due, or, if none is, of all.

    It is not partitioned, since a list tells only what is there now, and fails only if nothing at all was read.
    """
    started = installation.clock.monotonic()
    settings = installation.settings
    with bound(run_id=context.run.run_id):
        accounts = read_names(
            settings,
            installation.warehouse,
            clock=installation.clock,
            limits=installation.limits,
            only=names_due_now(settings, installation.clock.now()) or None,
        )
    failed = [f"{read}: {read.error}" for read in accounts if not read.complete and not read.out_of_budget]
    yield dg.AssetCheckResult(
        passed=not failed,
        check_name=READ,
        asset_key=NAMES,
        severity=dg.AssetCheckSeverity.WARN,
        description=in_short(failed),
        metadata={"failed": listed(failed)},
    )
    if failed and not any(read.names or read.complete or read.out_of_budget for read in accounts):
        raise dg.Failure("; ".join(failed), allow_retries=False)
    noted: dict[str, int | float | dict[str, int | str]] = {
        "names": sum(len(read.names) for read in accounts),
        "seconds": installation.clock.monotonic() - started,
        **{str(read): _of_account(read) for read in accounts},
    }
    yield dg.MaterializeResult(asset_key=NAMES, metadata=noted)


def _of_account(read: NamesRead) -> dict[str, int | str]:
    """How many names of each kind, and what went wrong or has to wait."""
    return {**read.counts(), **({"error": read.error} if read.error else {})}
