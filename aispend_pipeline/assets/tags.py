"""How runs are told apart and found again: also by those who ask Dagster from outside and never import it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from aispend_pipeline.model import Feed, Window

# The code location, the tag by which Dagster names it on a run, and the job that makes days again.
MODULE = "aispend_pipeline.definitions"
CODE_LOCATION = "dagster/code_location"
RECOMPUTE = "recompute"

LANE = "aispend/lane"
FEEDS = "aispend/feeds"
# What a run does, and the days that it is about: for people, in so few letters that a list of runs shows them.
STEP, DAYS = "step", "days"
# The request over HTTP that a run is for.
REQUEST = "aispend/request"
# Of the job `recompute`: whose figures it makes.
HOME = "aispend/home"
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def range_tags(window: Window) -> dict[str, str]:
    """The tags by which Dagster runs a range of days in one run, in the lane of ingests."""
    return {FIRST: window.first.isoformat(), LAST: window.last.isoformat(), LANE: "ingest", DAYS: str(window)}


def feeds_tag(feeds: Iterable[Feed]) -> dict[str, str]:
    """The tag by which a run reads only these feeds; a run without it reads every account of its sources."""
    return {FEEDS: " ".join(sorted(f"{source}/{account}" for source, account in feeds))}


def accounts_asked(tags: Mapping[str, str], source: str) -> list[str] | None:
    """The accounts of `source` that a run with these tags is for; none for all."""
    if FEEDS not in tags:
        return None
    return [account for name, _, account in (feed.partition("/") for feed in tags[FEEDS].split()) if name == source]


def ours(run_tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The tags of this product's runs, on an instance that others may share; `run_tags` are those of one of them.

    Whoever loads the product may call its location otherwise; runs of its commands are always of `MODULE`.
    """
    return {CODE_LOCATION: [MODULE, run_tags.get(CODE_LOCATION, MODULE)]}


def shown(home: Path) -> str:
    """A home as the job `recompute` names it, whichever way it was written."""
    return str(home.resolve())
