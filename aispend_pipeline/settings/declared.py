"""Every setting, typed, from the environment and the working directory's `.env`.

Declared once, here: the field's alias is the setting's name, its description is what the README
says, and its example is what an error message shows. Empty means unset. A name with `__EU` behind
it belongs to the further account `eu`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from aispend_pipeline.errors import SettingsError
from aispend_pipeline.settings.complaints import explained, fields, misspelt
from aispend_pipeline.settings.values import Address, Cap, Flag, Header, Key, Port, StartDay

DEFAULT_ACCOUNT = "default"
_ACCOUNT_SUFFIX = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*?)__(?P<account>[A-Z0-9][A-Z0-9_]*)")


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
    api_key: Key = _setting(
        "OPENAI_API_KEY",
        ...,
        "admin key of the organisation, with the right to read usage",
        "sk-admin-...",
    )
    org_id: Header | None = _setting(
        "OPENAI_ORG_ID",
        None,
        "sent along only if the key belongs to several organisations",
        "org-abc123",
    )
    project_id: Header | None = _setting(
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
    dagster_home: Path | None = _setting(
        "DAGSTER_HOME", None, "Dagster's folder; unset is `dagster` in the home", "/var/lib/dagster"
    )
    host: str = _setting("AISPEND_HOST", "127.0.0.1", "where the query service listens", "127.0.0.1")
    port: Port = _setting("AISPEND_PORT", 8080, "port of the query service; 0 takes a free one", "8080")
    dagster_host: str = _setting("AISPEND_DAGSTER_HOST", "127.0.0.1", "where Dagster's UI listens", "127.0.0.1")
    dagster_port: Port = _setting("AISPEND_DAGSTER_PORT", 3000, "port of Dagster's UI", "3000")
    start_date: StartDay | None = _setting(
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
        spelt = {name for name in found if _base_name(name) == name}
        warnings = misspelt(spelt, in_file, _known(), OURS) + _unused(found)
        lines: list[str] = []
        plain = {name: text for name, text in found.items() if name in fields(cls)}
        values: dict[str, Any] = {"openai": _accounts(found, lines), "warnings": tuple(warnings)}
        try:
            settings = cls(**plain, **values)
        except ValidationError as error:
            lines = explained(error, cls, plain) + lines
            wrong = {problem["loc"][0] for problem in error.errors()}
            settings = cls(**{name: text for name, text in plain.items() if name not in wrong}, **values)
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

    def shown(self) -> dict[str, Any]:
        """What is set, by name, for `aispend config` and `GET /config`; secrets only as "set"."""
        shown: dict[str, Any] = {}
        for name, field in fields(type(self)).items():
            value = getattr(self, field)
            if value is not None:
                shown[name] = value if isinstance(value, bool | int) else str(value)
        for account in self.openai:
            suffix = "" if account.name == DEFAULT_ACCOUNT else f"__{account.name.upper()}"
            for name, field in fields(OpenAIAccount).items():
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
    GLOBAL_SOFT_CAP GLOBAL_HARD_CAP AISPEND_PUBLIC_URL
    AISPEND_RETENTION_DAYS AISPEND_DEBOUNCE_SECONDS AISPEND_REMIND_SOFT_SECONDS AISPEND_REMIND_HARD_SECONDS
    AISPEND_MILESTONES AISPEND_HOOK_SECRET AISPEND_SMTP_URL AISPEND_HEARTBEAT_URL AISPEND_READ_TOKEN
    AISPEND_RATE_LIMIT AISPEND_ANTHROPIC_CALLS_PER_HOUR
    """.split()
)
OURS = ("AISPEND_", "OPENAI_", "ANTHROPIC_", "GCP_", "VERTEX_", "GLOBAL_", "ENABLE_", "CRON_")


def _known() -> set[str]:
    return {*fields(Settings), *fields(OpenAIAccount), *UNUSED}


def _public(value: Any) -> str:
    """What may be shown of a value: that a secret is set, and an address without its path."""
    if isinstance(value, SecretStr):
        return "set"
    text = str(value)
    return "/".join(text.split("/", 3)[:3]) if text.startswith(("http://", "https://")) else text


def _read_dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: text or "" for name, text in dotenv_values(path, interpolate=False).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: cannot be read ({error}); mend or remove the file"]) from None


def _base_name(name: str) -> str:
    suffixed = _ACCOUNT_SUFFIX.fullmatch(name)
    return suffixed["name"] if suffixed and suffixed["name"] in fields(OpenAIAccount) else name


def _unused(found: Mapping[str, str]) -> list[str]:
    return [f"{name}: set, but this version does nothing with it yet" for name in sorted(UNUSED & set(found))]


def _accounts(found: Mapping[str, str], lines: list[str]) -> tuple[OpenAIAccount, ...]:
    """The accounts whose key is present; OPENAI_BASE_URL without a suffix is everybody's default."""
    own = fields(OpenAIAccount)
    shared = {name: found[name] for name in own if name in found}
    inherited = {name: text for name, text in shared.items() if name == "OPENAI_BASE_URL"}
    by_account: dict[str, dict[str, str]] = {}
    if "OPENAI_API_KEY" in shared:
        by_account[DEFAULT_ACCOUNT] = shared
    for name, text in found.items():
        suffixed = _ACCOUNT_SUFFIX.fullmatch(name)
        if suffixed and suffixed["name"] in own:
            account_name = suffixed["account"].lower()
            if account_name == DEFAULT_ACCOUNT:
                lines.append(f"{name}: account {DEFAULT_ACCOUNT} is the one without a suffix; set {suffixed['name']}")
                continue
            by_account.setdefault(account_name, dict(inherited))[suffixed["name"]] = text
    accounts = []
    for account_name, texts in sorted(by_account.items(), key=lambda item: (item[0] != DEFAULT_ACCOUNT, item[0])):
        suffix = "" if account_name == DEFAULT_ACCOUNT else f"__{account_name.upper()}"
        try:
            accounts.append(OpenAIAccount(name=account_name, **texts))
        except ValidationError as error:
            own_names = {field: field + suffix for field in own if field not in inherited or field + suffix in found}
            lines += [line for line in explained(error, OpenAIAccount, texts, own_names) if line not in lines]
    lines += _counted_twice(accounts)
    return tuple(accounts)


def _counted_twice(accounts: Sequence[OpenAIAccount]) -> list[str]:
    """A line for each account that would read again what one before it reads."""
    lines = []
    for number, account in enumerate(accounts):
        same = next((one for one in accounts[:number] if _overlap(one, account)), None)
        if same:
            name = f"OPENAI_API_KEY__{account.name.upper()}"
            lines.append(
                f"{name}: reads what account {same.name} reads, and the bill would be counted twice; remove one,"
                " or tell them apart by OPENAI_PROJECT_ID or OPENAI_ORG_ID"
            )
    return lines


def _overlap(one: OpenAIAccount, other: OpenAIAccount) -> bool:
    if (one.api_key, one.org_id) != (other.api_key, other.org_id):
        return False
    return not one.project_ids or not other.project_ids or bool({*one.project_ids} & {*other.project_ids})
