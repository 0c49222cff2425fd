"""Accounts: one organisation at one provider, its admin key, and how to reach it.

A name without a suffix is account `default`'s; `OPENAI_API_KEY__EU` is account `eu`'s. A provider's base
address without a suffix is every account's default.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeVar

from pydantic import ValidationError

from aispend_pipeline.settings.complaints import explained, fields
from aispend_pipeline.settings.values import Address, Header, Key, Strict, setting

DEFAULT_ACCOUNT = "default"
_SUFFIXED = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*?)__(?P<account>[A-Z0-9][A-Z0-9_]*)")


class Account(Strict):
    """What every provider's account has."""

    provider: ClassVar[str]
    made_by: ClassVar[tuple[str, ...]]  # the settings of which any makes an account; the first is told of
    inherited: ClassVar[
        tuple[str, ...]
    ]  # the settings that accounts without their own take from the one without suffix
    apart_by: ClassVar[str]  # what to set so that two accounts do not read the same

    name: str

    @property
    def suffix(self) -> str:
        """What this account's settings end in."""
        return suffix(self.name)

    @property
    def main_setting(self) -> str:
        """The setting that people are told of when something is wrong with this account."""
        return self.made_by[0] + self.suffix

    def overlaps(self, other: "Account") -> bool:
        """Whether the two read some of the same bill."""
        raise NotImplementedError

    def contradictions(self) -> list[str]:
        """A line for each setting that does not go with the others."""
        return []


class KeyAccount(Account):
    """One organisation at a provider that is asked with an admin key."""

    api_key: Key
    org_id: Header | None
    base_url: Address

    def overlaps(self, other: Account) -> bool:
        """Whether the two read some of the same bill."""
        return isinstance(other, KeyAccount) and self.api_key == other.api_key


class OpenAIAccount(KeyAccount):
    """One OpenAI organisation."""

    provider = "openai"
    made_by = ("OPENAI_API_KEY",)
    inherited = ("OPENAI_BASE_URL",)
    apart_by = "; remove one, or tell them apart by OPENAI_PROJECT_ID or OPENAI_ORG_ID"

    api_key: Key = setting(
        "OPENAI_API_KEY", ..., "admin key of the OpenAI organisation, with the right to read usage", "sk-admin-..."
    )
    org_id: Header | None = setting(
        "OPENAI_ORG_ID", None, "sent along only if the key belongs to several organisations", "org-abc123"
    )
    project_id: Header | None = setting(
        "OPENAI_PROJECT_ID", None, "only these projects, separated by commas; unset is all", "proj_a,proj_b"
    )
    base_url: Address = setting(
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
        "where OpenAI's API is; plain http only for this machine itself",
        "https://api.openai.com/v1",
    )

    @property
    def project_ids(self) -> tuple[str, ...]:
        """The projects to read, none for all."""
        return tuple(p.strip() for p in (self.project_id or "").split(",") if p.strip())

    def overlaps(self, other: Account) -> bool:
        """Whether the two read some of the same bill: one key, one organisation, and no projects apart."""
        if not isinstance(other, OpenAIAccount) or (self.api_key, self.org_id) != (other.api_key, other.org_id):
            return False
        return not self.project_ids or not other.project_ids or bool({*self.project_ids} & {*other.project_ids})


class AnthropicAccount(KeyAccount):
    """One Anthropic organisation. Its admin key alone decides which: there is no header for it."""

    provider = "anthropic"
    made_by = ("ANTHROPIC_API_KEY",)
    inherited = ("ANTHROPIC_BASE_URL",)
    apart_by = "; remove one"

    api_key: Key = setting(
        "ANTHROPIC_API_KEY", ..., "Admin API key of the Anthropic organisation", "sk-ant-admin01-..."
    )
    org_id: Header | None = setting(
        "ANTHROPIC_ORG_ID", None, "id of the organisation; `aispend doctor` checks that the key is of it", "a1b2c3..."
    )
    base_url: Address = setting(
        "ANTHROPIC_BASE_URL",
        "https://api.anthropic.com",
        "where Anthropic's API is; plain http only for this machine itself",
        "https://api.anthropic.com",
    )


AnyAccount = TypeVar("AnyAccount", bound=Account)


def suffix(account: str) -> str:
    """What the settings of `account` end in; nothing for the default one."""
    return "" if account == DEFAULT_ACCOUNT else f"__{account.upper()}"


def base_name(name: str, kinds: Sequence[type[Account]]) -> str:
    """The setting of one of `kinds` that `name` is of, without an account's suffix."""
    suffixed = _SUFFIXED.fullmatch(name)
    return suffixed["name"] if suffixed and any(suffixed["name"] in fields(kind) for kind in kinds) else name


def read_accounts(kind: type[AnyAccount], found: Mapping[str, str], lines: list[str]) -> tuple[AnyAccount, ...]:
    """The accounts of `kind` that something makes, the default one first; a line more for each problem."""
    inherited = {name: found[name] for name in kind.inherited if name in found}
    accounts = []
    for account_name, texts in sorted(_by_account(kind, found, lines).items(), key=_default_first):
        own = {field: field + suffix(account_name) for field in fields(kind)}
        spelt = {field: name for field, name in own.items() if field not in inherited or name in found}
        try:
            accounts.append(kind(name=account_name, **{**inherited, **texts}))
        except ValidationError as error:
            lines += [line for line in explained(error, kind, {**inherited, **texts}, spelt) if line not in lines]
    lines += [line for account in accounts for line in account.contradictions()]
    lines += _counted_twice(accounts)
    return tuple(accounts)


def _default_first(item: tuple[str, dict[str, str]]) -> tuple[bool, str]:
    return item[0] != DEFAULT_ACCOUNT, item[0]


def _by_account(kind: type[Account], found: Mapping[str, str], lines: list[str]) -> dict[str, dict[str, str]]:
    """Settings of `kind` by the account whose suffix they have, without it."""
    own = fields(kind)
    by_account: dict[str, dict[str, str]] = {}
    if any(name in found for name in kind.made_by):
        by_account[DEFAULT_ACCOUNT] = {name: found[name] for name in own if name in found}
    for name, text in found.items():
        suffixed = _SUFFIXED.fullmatch(name)
        if suffixed is None or suffixed["name"] not in own:
            continue
        account_name = suffixed["account"].lower()
        if account_name == DEFAULT_ACCOUNT:
            lines.append(f"{name}: account {DEFAULT_ACCOUNT} is the one without a suffix; set {suffixed['name']}")
        else:
            by_account.setdefault(account_name, {})[suffixed["name"]] = text
    return by_account


def _counted_twice(accounts: Sequence[Account]) -> list[str]:
    """A line for each account that would read again what one before it reads."""
    lines = []
    for number, account in enumerate(accounts):
        same = next((one for one in accounts[:number] if one.overlaps(account)), None)
        if same:
            reads = f"{account.main_setting}: reads what account {same.name} reads"
            lines.append(f"{reads}, and the bill would be counted twice{account.apart_by}")
    return lines
