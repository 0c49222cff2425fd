"""The settings of Google: a billing export in BigQuery, budgets, and whose credentials read them.

Facts: Google's guides to the billing export and to the Budgets API. Standard and detailed export of one billing account
hold the same money.
"""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from aispend_pipeline.settings.accounts import Account
from aispend_pipeline.settings.values import Address, Flag, setting

_PROJECT = r"[a-z0-9.:_-]{4,80}"
_DATASET = r"[A-Za-z0-9_]{1,1024}"
_TABLE = r"[A-Za-z0-9_-]{1,1024}"
_LONGEST_PATH = 1024  # an encoded key is longer
_BILLING_ACCOUNT = r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}"
_EXPORT_OF = re.compile(r"gcp_billing_export(?:_resource)?_v1_([0-9A-F]{6})_([0-9A-F]{6})_([0-9A-F]{6})")


def _like(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"is not {what}")
        return text

    return AfterValidator(check)


def _list_of(pattern: str, what: str) -> BeforeValidator:
    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        if not parts or not all(re.fullmatch(pattern, part, re.ASCII) for part in parts):
            raise ValueError(f"is not {what}, or several separated by commas")
        return parts

    return BeforeValidator(read)


def _regular(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression ({error})") from None
    return text


def _credentials(secret: SecretStr) -> SecretStr:
    """Inline JSON is looked at now; a file when it is used, since it may come later, and may change."""
    text = secret.get_secret_value().strip()
    if text.startswith("{"):
        try:
            kind = json.loads(text).get("type")
        except (ValueError, RecursionError):
            raise ValueError("is no JSON") from None
        if not isinstance(kind, str):
            raise ValueError("has no type, and is no credentials of Google's")
    elif len(text) > _LONGEST_PATH or re.search(r'[{}"\r\n\0]', text):
        raise ValueError("is neither JSON nor the path of a file")
    return SecretStr(text)


Project = Annotated[str, _like(_PROJECT, "the id of a project")]
Texts = tuple[str, ...]


class GoogleAccount(Account):
    """One table of a billing export, with budgets beside it; either may be missing."""

    provider = "vertex"
    made_by = ("GCP_BQ_TABLE", "GCP_BUDGET_NAME", "GCP_PUBSUB_SUBSCRIPTION", "GCP_BILLING_ACCOUNT_ID")
    inherited = tuple(
        """
        GCP_SA_JSON GCP_BQ_PROJECT GCP_BQ_DATASET GCP_QUERY_PROJECT GCP_BQ_PARTITION_MODE GCP_BQ_MAX_BYTES_BILLED
        GCP_INCLUDE_TAX GCP_LOOKBACK_DAYS GCP_SERVICE_IDS GCP_SERVICE_PATTERN GCP_MIXED_SERVICE_IDS
        GCP_MIXED_SKU_PATTERN GCP_BIGQUERY_ENDPOINT GCP_BUDGETS_ENDPOINT GCP_PUBSUB_ENDPOINT
        """.split()
    )
    apart_by = "; remove one"

    service_account: Annotated[SecretStr, AfterValidator(_credentials)] | None = setting(
        "GCP_SA_JSON",
        None,
        "credentials of Google's, as JSON or the path of a file; better unset, which takes the machine's own"
        " (workload identity, attached service account, gcloud)",
        "/etc/aispend/key.json",
    )
    bq_project: Project | None = setting("GCP_BQ_PROJECT", None, "project of the billing export's dataset", "finops-1")
    bq_dataset: Annotated[str, _like(_DATASET, "the name of a dataset")] | None = setting(
        "GCP_BQ_DATASET", None, "dataset of the billing export", "billing_export"
    )
    bq_table: Annotated[str, _like(_TABLE, "the name of a table")] | None = setting(
        "GCP_BQ_TABLE",
        None,
        "table of the billing export, detailed rather than standard; every billing account in it is an account",
        "gcp_billing_export_resource_v1_01AAAA_BBBBBB_CCCCCC",
    )
    billing_accounts: Annotated[Texts, _list_of(_BILLING_ACCOUNT, "the id of a billing account")] = setting(
        "GCP_BILLING_ACCOUNT_ID",
        (),
        "only these billing accounts, separated by commas, the table's own first; unset is all in the table",
        "01AAAA-BBBBBB-CCCCCC",
    )
    query_project: Project | None = setting(
        "GCP_QUERY_PROJECT",
        None,
        "project that runs and pays the queries; unset is that of the credentials",
        "finops-1",
    )
    partition_mode: Literal["ingestion", "export_time", "none"] = setting(
        "GCP_BQ_PARTITION_MODE",
        "ingestion",
        "how the table is partitioned: `ingestion`, `export_time` (resellers' tables), or `none` (views)",
        "ingestion",
    )
    max_bytes_billed: Annotated[int, Field(ge=10 * 1024**2, le=2**50)] = setting(
        "GCP_BQ_MAX_BYTES_BILLED", 2 * 1024**3, "a query that would read more is not run; bytes", "2147483648"
    )
    include_tax: Flag = setting(
        "GCP_INCLUDE_TAX", False, "count tax too; its rows are of all services, not only of AI", "true"
    )
    lookback_days: Annotated[int, Field(ge=1, le=90)] = setting(
        "GCP_LOOKBACK_DAYS", 10, "how many days of the export are read again each day, 1 to 90", "10"
    )
    service_ids: Annotated[Texts, _list_of(r"[0-9A-F-]{4,40}", "the id of a service")] = setting(
        "GCP_SERVICE_IDS",
        ("C7E2-9256-1C43", "AEFD-7695-64FA"),
        "services that are AI as a whole: Vertex AI and Gemini API",
        "C7E2-9256-1C43,AEFD-7695-64FA",
    )
    service_pattern: Annotated[str, AfterValidator(_regular)] = setting(
        "GCP_SERVICE_PATTERN",
        r"^(claude|anthropic)\b",
        "services whose name, in lower case, begins like this are AI too; anchor it",
        r"^(claude|mistral)\b",
    )
    mixed_service_ids: Annotated[Texts, _list_of(r"[0-9A-F-]{4,40}", "the id of a service")] = setting(
        "GCP_MIXED_SERVICE_IDS", ("74B1-77CF-C302",), "services of which some SKUs are AI", "74B1-77CF-C302"
    )
    mixed_sku_pattern: Annotated[str, AfterValidator(_regular)] = setting(
        "GCP_MIXED_SKU_PATTERN", "^ai dev tools:", "which SKUs of those, in lower case", "^ai dev tools:"
    )
    budget_names: Annotated[
        Texts, _list_of(r"billingAccounts/[^/\s?#]+/budgets/[^/\s?#]+", "billingAccounts/.../budgets/...")
    ] = setting(
        "GCP_BUDGET_NAME",
        (),
        "budgets to show beside our caps, separated by commas",
        "billingAccounts/01AAAA-BBBBBB-CCCCCC/budgets/3f1c2d4e-0000-4000-8000-000000000001",
    )
    subscription: (
        Annotated[str, _like(r"projects/[^/\s?#]+/subscriptions/[^/\s?#]+", "projects/.../subscriptions/...")] | None
    ) = setting(
        "GCP_PUBSUB_SUBSCRIPTION",
        None,
        "pull subscription of budget notifications, for aispend alone: what it takes nobody else gets",
        "projects/finops-1/subscriptions/aispend",
    )
    bigquery_endpoint: Address = setting(
        "GCP_BIGQUERY_ENDPOINT",
        "https://bigquery.googleapis.com",
        "where BigQuery is; plain http only for this machine itself",
        "https://bigquery.googleapis.com",
    )
    budgets_endpoint: Address = setting(
        "GCP_BUDGETS_ENDPOINT",
        "https://billingbudgets.googleapis.com",
        "where the Budgets API is; plain http only for this machine itself",
        "https://billingbudgets.googleapis.com",
    )
    pubsub_endpoint: Address = setting(
        "GCP_PUBSUB_ENDPOINT",
        "https://pubsub.googleapis.com",
        "where Pub/Sub is; plain http only for this machine itself",
        "https://pubsub.googleapis.com",
    )

    @property
    def table(self) -> str | None:
        """The export's table, `project.dataset.table`; none if there is none to read."""
        parts = (self.bq_project, self.bq_dataset, self.bq_table)
        return ".".join(part or "" for part in parts) if all(parts) else None

    @property
    def own_billing_account(self) -> str | None:
        """The billing account that the table is of, as set or as its name says; none if neither tells."""
        if self.billing_accounts:
            return self.billing_accounts[0]
        named = _EXPORT_OF.fullmatch(self.bq_table or "")
        return "-".join(named.groups()) if named else None

    def overlaps(self, other: Account) -> bool:
        """Whether the two read some of the same bill: one table, or both exports of one billing account."""
        if not isinstance(other, GoogleAccount) or not self.table or not other.table:
            return False
        ours, theirs = set(self.billing_accounts), set(other.billing_accounts)
        if self.table == other.table:
            return not ours or not theirs or bool(ours & theirs)
        own, others = self.own_billing_account, other.own_billing_account
        return bool((ours or {own or "ours"}) & (theirs or {others or "theirs"}))

    def contradictions(self) -> list[str]:
        """A line for each part of the table's name that is missing, or for an account that has nothing to read."""
        if self.bq_table is None:
            reads = self.budget_names or self.subscription or self.billing_accounts
            return [] if reads else [f"GCP_BQ_TABLE{self.suffix}: missing; nothing is read with the other settings"]
        parts = {"GCP_BQ_PROJECT": self.bq_project, "GCP_BQ_DATASET": self.bq_dataset}
        lacking = [name + self.suffix for name, part in parts.items() if part is None]
        return [f"{name}: missing; it is a part of the table's name, for example {name}=finops" for name in lacking]
