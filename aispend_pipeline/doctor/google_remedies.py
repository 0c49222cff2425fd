"""What to do when Google could not be asked, said no, or gave no token: one remedy for each.

Facts: Google's guide to Application Default Credentials and OAuth's errors; what its interfaces answer is in
`sources/google_refusals.py`.
"""

from datetime import datetime
from urllib.parse import urlsplit

from aispend_pipeline.doctor.remedies import BY_CLASS, OTHERWISE
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.sources.google_refusals import Asker, Interface, remedy_of

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


def explained(error: FetchError, interface: Interface, asker: Asker, again_at: datetime | None = None) -> str:
    """What happened, and the one remedy for it, behind a semicolon."""
    happened = str(error).strip().rstrip(".")
    if "; " in happened and "GCP_" in happened.rpartition("; ")[2]:  # it says itself what to set
        return happened
    remedy = remedy_of(error, interface, asker, again_at) or _remedy(error, happened)
    parts = urlsplit(interface.base_url)
    named = remedy.format(base=interface.base_setting, host=f"{parts.scheme}://{parts.netloc}", whose=asker.whose)
    return f"{happened}; {named}"


def _remedy(error: FetchError, happened: str) -> str:
    if "token endpoint" in happened:
        return "let this machine out to it (firewall, proxy), and run: aispend doctor"
    if error.status is None and error.error_class is ErrorClass.UNAUTHORIZED:
        return next((remedy for words, remedy in _GRANTS.items() if words in happened), OTHERWISE)
    return BY_CLASS.get(error.error_class, OTHERWISE)
