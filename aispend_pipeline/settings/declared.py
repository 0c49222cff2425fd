"""Every setting, typed, from the environment and the working directory's `.env`.

Declared once, here: the field's alias is the setting's name, its description is what the reference
says, and its example is what an error message shows. Empty means unset. A name with `__EU` behind
it belongs to the further account `eu`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError

from aispend_pipeline.caps.model import Caps, Scope
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.log import conceal
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.settings.accounts import Account, AnthropicAccount, OpenAIAccount, base_name, read_accounts
from aispend_pipeline.settings.alerts import GLOBAL, AlertSettings
from aispend_pipeline.settings.complaints import explained, fields, misspelt
from aispend_pipeline.settings.concealed import secret_texts
from aispend_pipeline.settings.google import GoogleAccount
from aispend_pipeline.settings.service import ServiceSettings, weak_tokens
from aispend_pipeline.settings.values import Flag, Header, Port, SecretAddress, StartDay, setting

ACCOUNT_TYPES: tuple[type[Account], ...] = (OpenAIAccount, AnthropicAccount, GoogleAccount)
# The settings that make the first account, for those who have none.
KEY_SETTINGS = ", ".join(kind.made_by[0] for kind in ACCOUNT_TYPES[:-1]) + f" or {ACCOUNT_TYPES[-1].made_by[0]}"


class Settings(AlertSettings, ServiceSettings):
    """What the environment says. `load` is the way in."""

    home: Path = setting(
        "AISPEND_HOME",
        Path("data"),
        "folder of the store and of Dagster's records",
        "/var/lib/aispend",
    )
    dagster_home: Path | None = setting(
        "DAGSTER_HOME", None, "Dagster's folder; unset is `dagster` in the home", "/var/lib/dagster"
    )
    dagster_host: str = setting("AISPEND_DAGSTER_HOST", "127.0.0.1", "where Dagster's UI listens", "127.0.0.1")
    dagster_port: Port = setting("AISPEND_DAGSTER_PORT", 3000, "port of Dagster's UI", "3000")
    start_date: StartDay | None = setting(
        "AISPEND_START_DATE",
        None,
        "first day to read by itself; unset is the first of last month",
        "2026-09-01",
    )
    lookback_hours: Annotated[int, Field(ge=24, le=24 * 90)] = setting(
        "CRON_LOOKBACK_HOURS", 48, "how far back every hour's run reads again, 24 to 2160", "48"
    )
    stale_after_seconds: Annotated[int, Field(ge=60)] = setting(
        "AISPEND_STALE_AFTER_SECONDS", 10800, "data older than this is called stale", "10800"
    )
    retention_days: Annotated[int, Field(ge=1, le=36500)] = setting(
        "AISPEND_RETENTION_DAYS", 90, "days after which fetched pages are deleted; figures made of them stay", "90"
    )
    calibrate_estimates: Flag = setting(
        "AISPEND_CALIBRATE_ESTIMATES",
        True,
        "multiply estimates by what was billed for the model lately over its list price",
        "true",
    )
    enable_openai: Flag | None = setting("ENABLE_OPENAI", None, "read OpenAI", "true")
    enable_anthropic: Flag | None = setting("ENABLE_ANTHROPIC", None, "read Anthropic", "true")
    enable_vertex_billing_api: Flag | None = setting("ENABLE_VERTEX_BILLING_API", None, "read Google's budgets", "true")
    enable_vertex_bq: Flag | None = setting("ENABLE_VERTEX_BQ", None, "read Google's billing export", "true")
    anthropic_version: Header = setting(
        "AISPEND_ANTHROPIC_VERSION", "2023-06-01", "version of Anthropic's API that is asked for", "2023-06-01"
    )
    anthropic_calls_per_hour: Annotated[int, Field(ge=1, le=100_000)] = setting(
        "AISPEND_ANTHROPIC_CALLS_PER_HOUR", 60, "calls an hour to Anthropic, for each account; bursts are allowed", "60"
    )
    openai: tuple[OpenAIAccount, ...] = ()
    anthropic: tuple[AnthropicAccount, ...] = ()
    vertex: tuple[GoogleAccount, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> "Settings":
        """The settings of this process; `environment` wins over `dotenv`, and may say where that is instead.

        Raises `SettingsError` with a line for each setting that cannot be used.
        """
        environment = os.environ if environment is None else environment
        in_file = _read_dotenv(dotenv and Path(environment.get(DOTENV, dotenv)))
        found = {name: text.strip() for name, text in {**in_file, **environment}.items() if text.strip()}
        spelt = {name for name in found if base_name(name, ACCOUNT_TYPES) == name}
        warnings = misspelt(spelt, in_file, _known(), OURS)
        lines: list[str] = []
        plain = {name: text for name, text in found.items() if name in fields(cls)}
        accounts = {kind.provider: read_accounts(kind, found, lines) for kind in ACCOUNT_TYPES}
        warnings += _without_a_table(found, bool(accounts[GoogleAccount.provider])) + weak_tokens(found)
        values: dict[str, Any] = {**accounts, "warnings": tuple(warnings)}
        try:
            settings = cls(**plain, **values)
        except ValidationError as error:
            lines = sorted(explained(error, cls, plain)) + lines
            wrong = {problem["loc"][0] for problem in error.errors()}
            settings = cls(**{name: text for name, text in plain.items() if name not in wrong}, **values)
        lines += settings.contradictions() + settings.same_tokens()
        conceal(secret_texts(settings))
        if lines:
            raise SettingsError(lines)
        return settings

    def scopes(self) -> tuple[Scope, ...]:
        """What has a cap: each provider, and all that are switched on together."""
        enabled = tuple(provider for provider in PROVIDERS if self.enabled(provider))
        over = {**{provider: (provider,) for provider in PROVIDERS}, GLOBAL: enabled}
        scopes = (Scope(name, providers, self.caps(name)) for name, providers in over.items())
        return tuple(scope for scope in scopes if scope.caps != Caps())

    def enabled(self, provider: str) -> bool:
        """Whether `provider` is on: as said, or, when nothing is said of any, if it has credentials."""
        said = {
            "openai": self.enable_openai,
            "anthropic": self.enable_anthropic,
            "vertex": self.enable_vertex_bq or self.enable_vertex_billing_api,
        }
        return bool(said[provider]) if self._said else bool(self.accounts(provider))

    @property
    def _said(self) -> bool:
        """Whether anything is said of which providers are on."""
        flags = (self.enable_openai, self.enable_anthropic, self.enable_vertex_bq, self.enable_vertex_billing_api)
        return any(flag is not None for flag in flags)

    def accounts(self, provider: str) -> tuple[Account, ...]:
        """The accounts of `provider` that have credentials, switched on or not."""
        return {"openai": self.openai, "anthropic": self.anthropic, "vertex": self.vertex}.get(provider, ())

    def exports(self) -> tuple[GoogleAccount, ...]:
        """The accounts whose billing export is read: those with a table, if that is on."""
        on = self.enable_vertex_bq if self._said else True
        return tuple(account for account in self.vertex if account.table) if on else ()

    def budgets(self) -> tuple[GoogleAccount, ...]:
        """The accounts whose budgets are read: those that name any, if that is on; else those of a billing account."""
        on = self.enable_vertex_billing_api if self._said else True
        named = [one for one in self.vertex if one.budget_names or one.subscription]
        listed = [
            one for one in self.vertex if one.billing_accounts and (self.enable_vertex_billing_api or not one.table)
        ]
        return tuple(one for one in self.vertex if one in named or one in listed) if on else ()

    def shown(self) -> dict[str, Any]:
        """What is set, by name, for `aispend config` and `GET /config`; secrets only as "set"."""
        shown: dict[str, Any] = {}
        for name, field in fields(type(self)).items():
            value = getattr(self, field)
            if value not in (None, ()):
                shown[name] = value if isinstance(value, bool | int) else _public(value)
        for account in (*self.openai, *self.anthropic, *self.vertex):
            for name, field in fields(type(account)).items():
                value = getattr(account, field)
                if value not in (None, ()):
                    shown[name + account.suffix] = _public(value)
        return shown


OURS = tuple(
    """
    AISPEND_ OPENAI_ ANTHROPIC_ GCP_ VERTEX_ GLOBAL_ ENABLE_ CRON_ SLACK_ ALERT_EMAIL ON_HARD ADMIN_
    """.split()
)

# Where `.env` is for Dagster's processes beside `aispend up`, which must not run in its folder: they would copy it into
# their environment, where it wins over what had been there, and stays whatever becomes of the file.
DOTENV = "_AISPEND_DOTENV"


def _known() -> set[str]:
    of_accounts = {name for kind in ACCOUNT_TYPES for name in fields(kind)}
    return {*fields(Settings), *of_accounts}


def _public(value: Any) -> str:
    """What may be shown of a value: that a secret is set, and of an address where it leads."""
    if isinstance(value, SecretAddress):
        return value.origin
    if isinstance(value, SecretStr):
        return "set"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    text = str(value)
    return "/".join(text.split("/", 3)[:3]) if text.startswith(("http://", "https://")) else text


def _read_dotenv(path: Path | None) -> dict[str, str]:
    """What the file sets; a line that cannot be understood is no setting less, but a mistake to be mended."""
    if path is None or not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8") as file:
            found = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: cannot be read ({error}); mend or remove the file"]) from None
    if wrong := [_not_understood(path, one.original.string, one.original.line) for one in found if one.error]:
        raise SettingsError(wrong)
    return {one.key: one.value or "" for one in found if one.key is not None}


def _not_understood(path: Path, statement: str, first_line: int) -> str:
    """Which line of `path` is meant, and never what is in it: `statement` begins with the empty lines before it."""
    blank = statement[: len(statement) - len(statement.lstrip())]
    remedy = "write NAME=value, with quotes that are closed if there are any, or put # before it"
    return f"{path}, line {first_line + blank.count(chr(10))}: cannot be understood; {remedy}"


def _without_a_table(found: Mapping[str, str], reads_google: bool) -> list[str]:
    """A line if Google's settings are there, and none that says what to read."""
    idle = [name for name in fields(GoogleAccount) if name in found]
    if reads_google or not idle:
        return []
    return [f"{', '.join(idle)}: set, but nothing of Google is read without {GoogleAccount.made_by[0]}"]
