"""What Google's interfaces answer when they refuse, and what to do: one remedy for each answer that it documents.

Facts: Google's guides to access control of BigQuery, budgets and Pub/Sub, to Application Default Credentials, and
the error bodies that go with them.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from aispend_pipeline.errors import FetchError
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


@dataclass(frozen=True)
class Asker:
    """Who asks: whose credentials they are, the project that pays, and what the account's settings end in."""

    whose: str
    project: str
    suffix: str


def remedy_of(error: FetchError, interface: Interface, asker: Asker, again_at: datetime | None = None) -> str | None:
    """What to do about an answer that said no; none for other errors, and for answers that nothing documents."""
    said = str(error)
    fitting = (one.remedy for one in _ANSWERS if one.status == error.status and one.words in said)
    disabled = _DISABLED_IN.search(said)
    remedy = next(fitting, None)
    return remedy and remedy.format(
        disabled=disabled[1] if disabled else "PROJECT",
        paying="GCP_QUERY_PROJECT" + asker.suffix,
        project=asker.project,
        role=interface.role,
        service=interface.service,
        setting=interface.setting,
        what=interface.what,
        when=f"after {again_at:%Y-%m-%d %H:%M:%S} UTC" if again_at else "in some minutes",
        whose=asker.whose,
    )
