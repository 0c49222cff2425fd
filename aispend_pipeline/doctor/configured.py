"""Are the settings such that something will be read?"""

import stat
from collections.abc import Iterator
from pathlib import Path

from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.settings import ACCOUNT_TYPES, KEY_SETTINGS, KeyAccount, Settings

_ABOUT = "settings"
_WITH_KEYS = tuple(kind for kind in ACCOUNT_TYPES if issubclass(kind, KeyAccount))
_KEYS = (*(kind.made_by[0] for kind in _WITH_KEYS), "GCP_SA_JSON")


def examine(settings: Settings, dotenv: Path) -> Iterator[Finding]:
    """What is to be said of settings that could be loaded, and of the file that they are from."""
    for warning in settings.warnings:
        yield Finding(Level.NOTE, _ABOUT, warning)
    yield from _open_file(dotenv)
    unconfigured = [*_without_key(settings), *_without_table_or_budgets(settings)]
    yield from unconfigured
    yield from _switched_off(settings)
    read = [f"{provider} {name}" for provider, name in _read(settings)]
    if read:
        yield Finding(Level.OK, _ABOUT, f"{', '.join(read)} to be read")
    elif not unconfigured:
        missing = "" if dotenv.exists() else f"; there is no file {dotenv.absolute()}"
        yield Finding(Level.FAIL, _ABOUT, f"no provider to read; set {KEY_SETTINGS}{missing}")


def _read(settings: Settings) -> Iterator[tuple[str, str]]:
    """Provider and name of each account that is read."""
    for kind in _WITH_KEYS:
        if settings.enabled(kind.provider):
            yield from ((kind.provider, account.name) for account in settings.accounts(kind.provider))
    read = (*settings.exports(), *settings.budgets())
    yield from ((account.provider, account.name) for account in settings.vertex if account in read)


def _without_key(settings: Settings) -> Iterator[Finding]:
    """A line for each provider that is on and has no key."""
    for kind in _WITH_KEYS:
        if settings.enabled(kind.provider) and not settings.accounts(kind.provider):
            off = f"ENABLE_{kind.provider.upper()}=false"
            text = f"{kind.provider} is switched on but unconfigured; set {kind.made_by[0]}, or {off}"
            yield Finding(Level.FAIL, _ABOUT, text)


def _without_table_or_budgets(settings: Settings) -> Iterator[Finding]:
    """A line for each thing of Google's that is on and has nothing to read."""
    if settings.enable_vertex_bq and not settings.exports():
        text = "the billing export is switched on but unconfigured; set GCP_BQ_TABLE, or ENABLE_VERTEX_BQ=false"
        yield Finding(Level.FAIL, _ABOUT, text)
    if settings.enable_vertex_billing_api and not settings.budgets():
        text = "budgets are switched on but unconfigured; set GCP_BUDGET_NAME or GCP_BILLING_ACCOUNT_ID, or"
        yield Finding(Level.FAIL, _ABOUT, f"{text} ENABLE_VERTEX_BILLING_API=false")


def _switched_off(settings: Settings) -> Iterator[Finding]:
    """A line for each thing that is configured and not read."""
    for kind in _WITH_KEYS:
        if settings.accounts(kind.provider) and not settings.enabled(kind.provider):
            text = f"{kind.provider} has a key and is switched off; to read it set ENABLE_{kind.provider.upper()}=true"
            yield Finding(Level.NOTE, _ABOUT, text)
    for account in settings.vertex:
        of = f"of {account.provider} {account.name}"
        if account.table and account not in settings.exports():
            text = f"the billing export {of} is switched off; to read it set ENABLE_VERTEX_BQ=true"
            yield Finding(Level.NOTE, _ABOUT, text)
        if (account.budget_names or account.subscription) and account not in settings.budgets():
            text = f"budgets {of} are switched off; to read them set ENABLE_VERTEX_BILLING_API=true"
            yield Finding(Level.NOTE, _ABOUT, text)


def _open_file(dotenv: Path) -> Iterator[Finding]:
    """A word if everybody on this machine can read the keys in `dotenv`."""
    try:
        readable = stat.S_IMODE(dotenv.stat().st_mode) & stat.S_IROTH
        holds_keys = any(name in dotenv.read_text(encoding="utf-8") for name in _KEYS)
    except OSError:  # there is none; one that cannot be read is no settings
        return
    if readable and holds_keys:
        text = f"{dotenv}: holds keys, and every user of this machine may read it; run: chmod 600 {dotenv}"
        yield Finding(Level.NOTE, _ABOUT, text)
