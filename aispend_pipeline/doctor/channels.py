"""Do the channels carry? To try one is to tell somebody something, so that only what they did last is looked at."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from aispend_pipeline.alerts.channels import HOOK, channels
from aispend_pipeline.alerts.evaluate import CHANNEL
from aispend_pipeline.alerts.health import not_carrying
from aispend_pipeline.caps.ledger import Ledger
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.errors import StoreError
from aispend_pipeline.health.stores import PATIENCE_SECONDS
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of


def examine(settings: Settings) -> Iterator[Finding]:
    """A line for each channel that is failing, and how to try those that there are; nothing without any."""
    names = tuple(channels(settings))
    for name, error in _failing(settings.home, names).items():
        yield Finding(Level.FAIL, name, f"is failing: {error}; mend it, and run: {_trying(name)}")
    if names:
        how = f"{_trying(HOOK)} (without --hook the hook is not tried)" if HOOK in names else "aispend alerts test"
        yield Finding(Level.NOTE, "channels", f"not tried: {_named(names, settings)}; run: {how}")


def _failing(home: Path, names: Collection[str]) -> Mapping[str, str]:
    """By channel, the error; nothing where the state database is missing, or cannot be used: that is said of the home.

    None is made for asking.
    """
    try:
        if not (home / "state.sqlite").exists():
            return {}
        with state_of(home, PATIENCE_SECONDS).reading() as connection:
            errors = not_carrying(connection, Ledger(connection).newest_incidents(CHANNEL))
    except (StoreError, OSError):
        return {}
    return {name: errors[name] for name in names if name in errors}


def _named(names: Collection[str], settings: Settings) -> str:
    unsigned = {HOOK: "hook (unsigned: AISPEND_HOOK_SECRET is not set)"} if not settings.hook_keys else {}
    return ", ".join(unsigned.get(name, name) for name in names)


def _trying(name: str) -> str:
    return "aispend alerts test" + " --hook" * (name == HOOK)
