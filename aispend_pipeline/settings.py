"""Every setting, typed, from the environment and the working directory's `.env`.

Declared once, here: the field's alias is the setting's name, its description is what the README
says, and its example is what an error message shows. Empty means unset. A name with `__EU` behind
it belongs to the further account `eu`.
"""

import difflib
import os
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)

from aispend_pipeline.errors import SettingsError
from aispend_pipeline.model import GRID_START, parse_day

DEFAULT_ACCOUNT = "default"
_ACCOUNT_SUFFIX = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*?)__(?P<account>[A-Z0-9][A-Z0-9_]*)")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _flag(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("is neither true nor false")
    return text.lower() in _TRUE


def _day(text: Any) -> Any:
    return parse_day(text) if isinstance(text, str) else text


def _plain_decimal(text: Any) -> Any:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,18})?", text, re.ASCII):
        raise ValueError("is not a plain amount of US dollars")
    return text


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is not an http or https address")
    if parts.username or parts.password:
        raise ValueError("must not carry a user or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not carry a query or a fragment")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("may use plain http only for this machine itself; write https")
    return text.rstrip("/")


Flag = Annotated[bool, BeforeValidator(_flag)]
Day = Annotated[date, BeforeValidator(_day)]
Cap = Annotated[Decimal, BeforeValidator(_plain_decimal)]
Address = Annotated[str, AfterValidator(_address)]


def _setting(alias: str, default: Any, description: str, example: str) -> Any:
    return Field(default=default, alias=alias, description=description, examples=[example])


def _cap(alias: str, whose: str) -> Any:
    kind = "hard" if "HARD" in alias else "soft"
    return _setting(alias, None, f"{kind} cap of {whose} a calendar month, USD; 0 is no cap", "250.00")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, hide_input_in_errors=True)


class OpenAIAccount(_Strict):
    """One OpenAI organisation: its admin key and how to reach it."""

    name: str
    api_key: SecretStr = _setting(
        "OPENAI_API_KEY",
        ...,
        "admin key of the organisation, with the right to read usage",
        "sk-admin-...",
    )
    org_id: str | None = _setting(
        "OPENAI_ORG_ID",
        None,
        "sent along only if the key belongs to several organisations",
        "org-abc123",
    )
    project_id: str | None = _setting(
        "OPENAI_PROJECT_ID",
        None,
        "only these projects, separated by commas; unset is all",
        "proj_a,proj_b",
    )
    base_url: Address = _setting(
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
        "where the API is; plain http only for this machine itself",
        "https://api.openai.com/v1",
    )

    @property
    def project_ids(self) -> tuple[str, ...]:
        """The projects to read, none for all."""
        return tuple(p.strip() for p in (self.project_id or "").split(",") if p.strip())


class Settings(_Strict):
    """What the environment says. `load` is the way in."""

    home: Path = _setting(
        "AISPEND_HOME",
        Path("data"),
        "folder of the store and of Dagster's records",
        "/var/lib/aispend",
    )
    host: str = _setting("AISPEND_HOST", "127.0.0.1", "where the query service listens", "127.0.0.1")
    port: Annotated[int, Field(ge=0, le=65535)] = _setting(
        "AISPEND_PORT", 8080, "port of the query service; 0 takes a free one", "8080"
    )
    start_date: Day | None = _setting(
        "AISPEND_START_DATE",
        None,
        "first day to read by itself; unset is the first of last month",
        "2026-09-01",
    )
    lookback_hours: Annotated[int, Field(ge=24, le=24 * 90)] = _setting(
        "CRON_LOOKBACK_HOURS", 48, "how far back every hour's run reads again, 24 to 2160", "48"
    )
    stale_after_seconds: Annotated[int, Field(ge=60)] = _setting(
        "AISPEND_STALE_AFTER_SECONDS", 10800, "data older than this is called stale", "10800"
    )
    enable_openai: Flag | None = _setting("ENABLE_OPENAI", None, "read OpenAI", "true")
    enable_anthropic: Flag | None = _setting("ENABLE_ANTHROPIC", None, "read Anthropic", "true")
    enable_vertex_billing_api: Flag | None = _setting(
        "ENABLE_VERTEX_BILLING_API", None, "read Google's budgets", "true"
    )
    enable_vertex_bq: Flag | None = _setting("ENABLE_VERTEX_BQ", None, "read Google's billing export", "true")
    openai_soft_cap: Cap | None = _cap("OPENAI_SOFT_CAP", "OpenAI")
    openai_hard_cap: Cap | None = _cap("OPENAI_HARD_CAP", "OpenAI")
    anthropic_soft_cap: Cap | None = _cap("ANTHROPIC_SOFT_CAP", "Anthropic")
    anthropic_hard_cap: Cap | None = _cap("ANTHROPIC_HARD_CAP", "Anthropic")
    vertex_soft_cap: Cap | None = _cap("VERTEX_SOFT_CAP", "Google")
    vertex_hard_cap: Cap | None = _cap("VERTEX_HARD_CAP", "Google")
    global_soft_cap: Cap | None = _cap("GLOBAL_SOFT_CAP", "all together")
    global_hard_cap: Cap | None = _cap("GLOBAL_HARD_CAP", "all together")
    openai: tuple[OpenAIAccount, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> "Settings":
        """The settings of this process; `environment` wins over `dotenv`.

        Raises `SettingsError` with a line for each setting that cannot be used.
        """
        environment = os.environ if environment is None else environment
        in_file = _read_dotenv(dotenv)
        found = {name: text.strip() for name, text in {**in_file, **environment}.items() if text.strip()}
        warnings = _misspelt(found, in_file) + _unused(found)
        lines: list[str] = []
        plain = {name: text for name, text in found.items() if name in _fields(cls)}
        values: dict[str, Any] = {"openai": _accounts(found, lines), "warnings": tuple(warnings)}
        try:
            settings = cls(**plain, **values)
        except ValidationError as error:
            raise SettingsError(_explained(error, cls, plain, "") + lines) from None
        lines += settings._contradictions()
        if lines:
            raise SettingsError(lines)
        return settings

    def _contradictions(self) -> list[str]:
        lines = []
        for scope in ("openai", "anthropic", "vertex", "global"):
            soft, hard = getattr(self, f"{scope}_soft_cap"), getattr(self, f"{scope}_hard_cap")
            if soft and hard and soft > hard:
                name = scope.upper()
                lines.append(
                    f"{name}_SOFT_CAP: {soft} is above {name}_HARD_CAP, {hard}; lower the one or raise the other"
                )
        if self.start_date and self.start_date < GRID_START:
            lines.append(f"AISPEND_START_DATE: {self.start_date} is before {GRID_START}, the first day there is")
        return lines

    def enabled(self, provider: str) -> bool:
        """Whether `provider` is on: as said, or, when nothing is said of any, if it has credentials."""
        said = {
            "openai": self.enable_openai,
            "anthropic": self.enable_anthropic,
            "vertex": self.enable_vertex_bq or self.enable_vertex_billing_api,
        }
        flags = (
            self.enable_openai,
            self.enable_anthropic,
            self.enable_vertex_bq,
            self.enable_vertex_billing_api,
        )
        if all(flag is None for flag in flags):
            return provider == "openai" and bool(self.openai)
        return bool(said[provider])

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every secret text, for those who must keep them out of what they write."""
        return tuple(account.api_key.get_secret_value() for account in self.openai)

    def shown(self) -> dict[str, Any]:
        """What is set, by name, for `aispend config` and `GET /config`; secrets only as "set"."""
        shown: dict[str, Any] = {}
        for name, field in _fields(type(self)).items():
            value = getattr(self, field)
            if value is not None:
                shown[name] = value if isinstance(value, bool | int) else str(value)
        for account in self.openai:
            suffix = "" if account.name == DEFAULT_ACCOUNT else f"__{account.name.upper()}"
            for name, field in _fields(OpenAIAccount).items():
                value = getattr(account, field)
                if value is not None:
                    shown[name + suffix] = _public(value)
        return shown


# Names of the product's contract that nothing reads yet: whoever sets one is told so.
UNUSED = frozenset(
    """
    ANTHROPIC_API_KEY ANTHROPIC_ORG_ID ANTHROPIC_BASE_URL GCP_SA_JSON GCP_BUDGET_NAME GCP_BQ_PROJECT
    GCP_BQ_DATASET GCP_BQ_TABLE GCP_BILLING_ACCOUNT_ID GCP_BIGQUERY_ENDPOINT GCP_BUDGETS_ENDPOINT
    GCP_PUBSUB_ENDPOINT GCP_QUERY_PROJECT GCP_BQ_PARTITION_MODE GCP_BQ_MAX_BYTES_BILLED GCP_INCLUDE_TAX
    GCP_PUBSUB_SUBSCRIPTION ADMIN_TOKEN SLACK_WEBHOOK_URL ALERT_EMAIL_WEBHOOK ON_HARDCAP_WEBHOOK
    ENABLE_ANTHROPIC ENABLE_VERTEX_BILLING_API ENABLE_VERTEX_BQ
    OPENAI_SOFT_CAP OPENAI_HARD_CAP ANTHROPIC_SOFT_CAP ANTHROPIC_HARD_CAP VERTEX_SOFT_CAP VERTEX_HARD_CAP
    GLOBAL_SOFT_CAP GLOBAL_HARD_CAP AISPEND_DAGSTER_HOST AISPEND_DAGSTER_PORT AISPEND_PUBLIC_URL
    AISPEND_RETENTION_DAYS AISPEND_DEBOUNCE_SECONDS AISPEND_REMIND_SOFT_SECONDS AISPEND_REMIND_HARD_SECONDS
    AISPEND_MILESTONES AISPEND_HOOK_SECRET AISPEND_SMTP_URL AISPEND_HEARTBEAT_URL AISPEND_READ_TOKEN
    AISPEND_RATE_LIMIT AISPEND_ANTHROPIC_CALLS_PER_HOUR
    """.split()
)
_OURS = ("AISPEND_", "OPENAI_", "ANTHROPIC_", "GCP_", "VERTEX_", "GLOBAL_", "ENABLE_", "CRON_")


def _fields(model: type[BaseModel]) -> dict[str, str]:
    """Setting name to field name."""
    return {field.alias: name for name, field in model.model_fields.items() if field.alias}


def _known() -> set[str]:
    return {*_fields(Settings), *_fields(OpenAIAccount), *UNUSED}


def _public(value: Any) -> str:
    """What may be shown of a value: that a secret is set, and an address without its path."""
    if isinstance(value, SecretStr):
        return "set"
    address = urlsplit(value)
    return f"{address.scheme}://{address.netloc}" if address.netloc else str(value)


def _read_dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: text or "" for name, text in dotenv_values(path, interpolate=False).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: cannot be read ({error}); mend or remove the file"]) from None


def _base_name(name: str) -> str:
    suffixed = _ACCOUNT_SUFFIX.fullmatch(name)
    return suffixed["name"] if suffixed and suffixed["name"] in _fields(OpenAIAccount) else name


def _misspelt(found: Mapping[str, str], in_file: Mapping[str, str]) -> list[str]:
    known = _known()
    lines = []
    for name in sorted(found):
        if _base_name(name) in known or not (name in in_file or name.startswith(_OURS)):
            continue
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
        if near:
            lines.append(f"{name}: no such setting; did you mean {near[0]}?")
        elif name in in_file:
            lines.append(f"{name}: no such setting")
    return lines


def _unused(found: Mapping[str, str]) -> list[str]:
    return [f"{name}: set, but this version does nothing with it yet" for name in sorted(UNUSED & set(found))]


def _accounts(found: Mapping[str, str], lines: list[str]) -> tuple[OpenAIAccount, ...]:
    """The accounts whose key is present; settings without a suffix are the defaults of all but the key."""
    own = _fields(OpenAIAccount)
    shared = {name: found[name] for name in own if name in found}
    by_account: dict[str, dict[str, str]] = {}
    if "OPENAI_API_KEY" in shared:
        by_account[DEFAULT_ACCOUNT] = shared
    for name, text in found.items():
        suffixed = _ACCOUNT_SUFFIX.fullmatch(name)
        if suffixed and suffixed["name"] in own:
            inherited = {k: v for k, v in shared.items() if k == "OPENAI_BASE_URL"}
            account = by_account.setdefault(suffixed["account"].lower(), inherited)
            account[suffixed["name"]] = text
    accounts = []
    for account_name, texts in sorted(by_account.items(), key=lambda item: (item[0] != DEFAULT_ACCOUNT, item[0])):
        suffix = "" if account_name == DEFAULT_ACCOUNT else f"__{account_name.upper()}"
        try:
            accounts.append(OpenAIAccount(name=account_name, **texts))
        except ValidationError as error:
            lines += _explained(error, OpenAIAccount, texts, suffix)
    return tuple(accounts)


def _explained(error: ValidationError, model: type[BaseModel], texts: Mapping[str, str], suffix: str) -> list[str]:
    """One line for each wrong setting: name, value (never a secret's), what is wrong, an example."""
    fields = _fields(model)
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0])
        field = model.model_fields[fields[name]]
        example = (field.examples or ["..."])[0]
        if problem["type"] == "missing":
            lines.append(f"{name}{suffix}: missing; set it, for example {name}{suffix}={example}")
            continue
        said = str(problem["msg"]).removeprefix("Value error, ")
        shown = "(not shown)" if field.annotation is SecretStr else repr(texts[name][:60])
        lines.append(f"{name}{suffix}: {shown} {said}; for example {name}{suffix}={example}")
    return lines
