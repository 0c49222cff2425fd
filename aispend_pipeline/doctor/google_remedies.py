"""What to do when Google could not be asked, or said no: one remedy for each answer that it documents.

Facts: Google's guides to access control of BigQuery, budgets and Pub/Sub, to Application Default Credentials and to
OAuth's errors, and the error bodies that go with them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from aispend_pipeline.doctor.remedies import BY_CLASS, OTHERWISE
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources import google

_DISABLED_IN = re.compile(r"has not been used in project ([a-z0-9:.-]+) before")


@dataclass(frozen=True)
class Interface:
    """One of Google's: its service and scope, its address and the setting of that, the role that reading `what` takes.

    `setting` says what is read.
    """

    service: str
    scope: str
    base_url: str
    base_setting: str
    role: str
    what: str
    setting: str


def interfaces(account: GoogleAccount) -> tuple[Interface, Interface, Interface]:
    """BigQuery, budgets and Pub/Sub, as `account` asks them."""
    own = account.suffix
    bigquery = Interface(
        "bigquery.googleapis.com",
        google.BIGQUERY,
        account.bigquery_endpoint,
        "GCP_BIGQUERY_ENDPOINT" + own,
        "BigQuery Data Viewer",
        f"the dataset {account.bq_dataset} of the project {account.bq_project}",
        f"GCP_BQ_PROJECT{own}, GCP_BQ_DATASET{own} and GCP_BQ_TABLE{own}",
    )
    budgets = Interface(
        "billingbudgets.googleapis.com",
        google.BUDGETS,
        account.budgets_endpoint,
        "GCP_BUDGETS_ENDPOINT" + own,
        "Billing Account Viewer",
        "the billing account",
        f"GCP_BUDGET_NAME{own}" if account.budget_names else f"GCP_BILLING_ACCOUNT_ID{own}",
    )
    pubsub = Interface(
        "pubsub.googleapis.com",
        google.PUBSUB,
        account.pubsub_endpoint,
        "GCP_PUBSUB_ENDPOINT" + own,
        "Pub/Sub Subscriber",
        "the subscription",
        f"GCP_PUBSUB_SUBSCRIPTION{own}",
    )
    return bigquery, budgets, pubsub


class _Answer(NamedTuple):
    """An answer that Google documents: status, words of its message ("" is any), and what to do about it."""

    status: int
    words: str
    remedy: str


# The first that fits counts.
_ANSWERS = (
    _Answer(
        403,
        "quota project",
        "name one: gcloud auth application-default set-quota-project PROJECT; or use a service account",
    ),
    _Answer(403, "has not been used", "enable it: gcloud services enable {service} --project {disabled}"),
    _Answer(
        403,
        "bigquery.jobs.create",
        "give {whose} the role BigQuery Job User on the project {project}, or set {paying} to one where it has it",
    ),
    _Answer(403, "uota exceeded", "raise the quota of the project {project}, or set {paying} to another one"),
    _Answer(403, "rate limit", "the project {project} is asked too often, by other programs too; try again {when}"),
    _Answer(403, "", "give {whose} the role {role} on {what}, or check {setting}"),
    _Answer(404, "", "check {setting}; what {whose} must not see is answered like this too"),
    _Answer(401, "", "set GCP_SA_JSON to credentials that are valid, or unset it to take this machine's own"),
    _Answer(429, "", "Google is asked too often, by other programs too; try again {when}"),
)
# What the token endpoint says.
_GRANTS = {
    "short-lived token": "set this machine's clock, for example by: timedatectl set-ntp true",
    "Invalid JWT Signature": "the key was deleted, or is another account's; set GCP_SA_JSON to a new one",
    "account not found": "the service account was deleted or disabled; set GCP_SA_JSON to another one's key",
    "Unable to acquire impersonated": "give who impersonates it the role Service Account Token Creator on {whose}",
    "rapt": "log in again: gcloud auth application-default login",
    "expired or revoked": "log in again: gcloud auth application-default login",
    "invalid_grant": "set GCP_SA_JSON to credentials that are valid, or log in: gcloud auth application-default login",
    "Google gives no token": "check the credentials: GCP_SA_JSON if it is set, else this machine's own",
}


def explained(
    error: FetchError, interface: Interface, whose: str, project: str, suffix: str, again_at: datetime | None = None
) -> str:
    """What happened, and the one remedy for it, behind a semicolon.

    `whose` credentials they are, and `project` runs and pays queries; settings end in `suffix`.
    """
    happened = str(error).strip().rstrip(".")
    if "; " in happened and "GCP_" in happened.rpartition("; ")[2]:  # it says itself what to set
        return happened
    parts = urlsplit(interface.base_url)
    disabled = _DISABLED_IN.search(happened)
    remedy = _remedy(error, happened).format(
        base=interface.base_setting,
        disabled=disabled[1] if disabled else "PROJECT",
        host=f"{parts.scheme}://{parts.netloc}",
        paying="GCP_QUERY_PROJECT" + suffix,
        project=project,
        role=interface.role,
        service=interface.service,
        setting=interface.setting,
        what=interface.what,
        when=f"after {again_at:%Y-%m-%d %H:%M:%S} UTC" if again_at else "in some minutes",
        whose=whose,
    )
    return f"{happened}; {remedy}"


def _remedy(error: FetchError, happened: str) -> str:
    if "token endpoint" in happened:
        return "let this machine out to it (firewall, proxy), and run: aispend doctor"
    if error.status is None and error.error_class is ErrorClass.UNAUTHORIZED:
        return next((remedy for words, remedy in _GRANTS.items() if words in happened), OTHERWISE)
    answered = (one.remedy for one in _ANSWERS if one.status == error.status and one.words in happened)
    return next(answered, BY_CLASS.get(error.error_class, OTHERWISE))
