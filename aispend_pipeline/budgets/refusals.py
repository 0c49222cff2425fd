"""What to do when Google does not let budgets or their notifications be read: one remedy for each documented answer.

Facts: Google's guides to access control of budgets and of Pub/Sub, to Application Default Credentials, and the error
bodies that go with them.
"""

from dataclasses import dataclass

from aispend_pipeline.errors import FetchError


@dataclass(frozen=True)
class Rights:
    """What it takes to ask an interface: its service, the role, and the setting that says what is asked for."""

    service: str
    role: str
    setting: str


BUDGETS = Rights("billingbudgets.googleapis.com", "Billing Account Viewer", "GCP_BUDGET_NAME or GCP_BILLING_ACCOUNT_ID")
PUBSUB = Rights("pubsub.googleapis.com", "Pub/Sub Subscriber", "GCP_PUBSUB_SUBSCRIPTION")

# Status, words of the message ("" is any), and what to do; the first that fits counts.
_REMEDIES = (
    (
        403,
        "quota project",
        "name one: gcloud auth application-default set-quota-project PROJECT; or use a service account",
    ),
    (403, "has not been used", "enable it in that project: gcloud services enable {service}"),
    (403, "", "give the account of the credentials the role {role}, or check {setting}"),
    (404, "", "check {setting}"),
    (401, "", "check the credentials: GCP_SA_JSON if it is set, else this machine's own"),
)


def explained(error: FetchError, rights: Rights) -> str:
    """What happened, and what to do about it where an answer of Google's tells."""
    told = str(error).strip().rstrip(".")
    fitting = (remedy for status, words, remedy in _REMEDIES if error.status == status and words in told)
    remedy = next(fitting, "").format(service=rights.service, role=rights.role, setting=rights.setting)
    return f"{told}; {remedy}" if remedy else told
