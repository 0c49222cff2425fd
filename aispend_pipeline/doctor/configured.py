"""Are the settings such that something will be read?"""

import stat
from collections.abc import Iterator
from pathlib import Path

from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.settings import ACCOUNT_TYPES, Account, Settings

_ABOUT = "settings"


def examine(settings: Settings, dotenv: Path) -> Iterator[Finding]:
    """What is to be said of settings that could be loaded, and of the file that they are from."""
    for warning in settings.warnings:
        yield Finding(Level.NOTE, _ABOUT, warning)
    yield from _open_file(dotenv)
    unconfigured = [kind for kind in ACCOUNT_TYPES if settings.enabled(kind.provider) and not _names(settings, kind)]
    for kind in unconfigured:
        off = f"ENABLE_{kind.provider.upper()}=false"
        text = f"{kind.provider} is switched on but unconfigured; set {kind.key_setting}, or {off}"
        yield Finding(Level.FAIL, _ABOUT, text)
    read = []
    for kind in ACCOUNT_TYPES:
        names = _names(settings, kind)
        if settings.enabled(kind.provider):
            read += [f"{kind.provider} {name}" for name in names]
        elif names:
            text = f"{kind.provider} has a key and is switched off; to read it set ENABLE_{kind.provider.upper()}=true"
            yield Finding(Level.NOTE, _ABOUT, text)
    if read:
        yield Finding(Level.OK, _ABOUT, f"{', '.join(read)} to be read")
    elif not unconfigured:
        yield Finding(
            Level.FAIL, _ABOUT, "no provider to read; set " + " or ".join(k.key_setting for k in ACCOUNT_TYPES)
        )


def _names(settings: Settings, kind: type[Account]) -> list[str]:
    return [account.name for account in settings.accounts(kind.provider)]


def _open_file(dotenv: Path) -> Iterator[Finding]:
    """A word if everybody on this machine can read the keys in `dotenv`."""
    try:
        readable = stat.S_IMODE(dotenv.stat().st_mode) & stat.S_IROTH
        holds_keys = any(kind.key_setting in dotenv.read_text(encoding="utf-8") for kind in ACCOUNT_TYPES)
    except OSError:  # there is none; one that cannot be read is no settings
        return
    if readable and holds_keys:
        text = f"{dotenv}: holds keys, and every user of this machine may read it; run: chmod 600 {dotenv}"
        yield Finding(Level.NOTE, _ABOUT, text)
