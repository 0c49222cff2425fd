"""What kind of key a setting holds, told by its prefix; no character of it is ever shown.

Facts: OpenAI's administration guide (only admin keys, `sk-admin-...`, read the bill; `sk-proj-...` and other `sk-...`
are a project's or a user's); Anthropic's Admin API guide (`sk-ant-admin...` is needed, `sk-ant-api...` is a
workspace's).
"""

from typing import NamedTuple

from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.settings import KeyAccount


class Kind(NamedTuple):
    """A kind of key, and whether it ought to read the bill."""

    words: str
    reads: bool


# By provider, the first prefix that fits tells.
_KINDS: dict[str, dict[str, Kind]] = {
    "openai": {
        "sk-admin-": Kind("an admin key", True),
        "sk-proj-": Kind("a project's key", False),
        "sk-ant-": Kind("a key of Anthropic", False),
        "sk-": Kind("a project's or a user's key", False),
    },
    "anthropic": {
        "sk-ant-admin": Kind("an Admin API key", True),
        "sk-ant-api": Kind("a workspace's key", False),
        "sk-admin-": Kind("a key of OpenAI", False),
        "sk-proj-": Kind("a key of OpenAI", False),
    },
}
_WANTED = {
    "openai": "an admin key (sk-admin-...), made by an owner of the organisation",
    "anthropic": "an Admin API key (sk-ant-admin...), made in the Console by an admin of the organisation",
}


def kind_of(account: KeyAccount) -> Kind | None:
    """The kind of `account`'s key; none if its prefix says nothing: tokens and proxies have keys of their own."""
    key = account.api_key.get_secret_value()
    return next((kind for prefix, kind in _KINDS.get(account.provider, {}).items() if key.startswith(prefix)), None)


def finding(account: KeyAccount, *, reads: bool) -> Finding:
    """What is to be said of the key; `reads` is whether it did read the bill, which counts for more than its looks."""
    about, setting, kind = f"{account.provider} {account.name}", setting_of(account), kind_of(account)
    if kind is None:
        return Finding(Level.NOTE, about, f"{setting} is of a kind that is not known here")
    if kind.reads:  # until it has read the bill, only its looks are known
        return Finding(Level.OK, about, f"{setting} {'is' if reads else 'looks like'} {kind.words}")
    if reads:
        return Finding(Level.NOTE, about, f"{setting} looks like {kind.words}, and reads the bill all the same")
    instead = f"{setting} is {kind.words}, which cannot read the bill; set it to {wanted(account)}"
    return Finding(Level.FAIL, about, instead)


def wanted(account: KeyAccount) -> str:
    """The key that can read the bill, and who makes it."""
    return _WANTED.get(account.provider, "an admin key of the organisation")


def setting_of(account: KeyAccount) -> str:
    """The setting that holds `account`'s key."""
    return account.main_setting
