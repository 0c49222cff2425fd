"""What to do when a provider could not be read: one remedy for each error that it documents, and for each class.

Facts: OpenAI's error codes guide and published answers; Anthropic's errors page and Admin API guide, by which
individual accounts have no Admin API. An OpenAI key without the scope was seen to get 401 as well as 403.
"""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.keys import setting_of, wanted
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.settings import KeyAccount


class _Answer(NamedTuple):
    """An answer that a provider documents: status, words of its message ("" is any), and what to do about it."""

    status: int
    words: str
    remedy: str


_SCOPE = "give the key the scope api.usage.read, or set {key} to an admin key that has it"
_NO_ADMIN_API = "individual accounts have none: set up an organisation in the Console, under Settings"
# By provider, the first that fits counts.
_DOCUMENTED: dict[str, tuple[_Answer, ...]] = {
    "openai": (
        _Answer(401, "api.usage.read", _SCOPE),
        _Answer(403, "api.usage.read", _SCOPE),
        _Answer(401, "", "set {key} to {wanted}, that is neither revoked nor expired"),
        _Answer(403, "", "set {key} to {wanted}, with the scope api.usage.read"),
        _Answer(404, "", "set {base} to where OpenAI's API is, with its /v1"),
        _Answer(429, "spend limit", "raise the limit in OpenAI's settings, under Limits"),
        _Answer(429, "credit", "add credit in OpenAI's settings, under Billing"),
        _Answer(429, "quota", "add credit in OpenAI's settings, under Billing"),
    ),
    "anthropic": (
        _Answer(401, "", "set {key} to {wanted}, that is not revoked; any other kind is refused like this"),
        _Answer(402, "", "settle the organisation's billing in the Console, under Billing"),
        _Answer(403, "", "set {key} to {wanted}; " + _NO_ADMIN_API),
        _Answer(404, "", "set {key} to a key of an organisation that has the cost report; " + _NO_ADMIN_API),
        _Answer(429, "spend limit", "raise the monthly limit in the Console, under Limits"),
    ),
}
_NO_PAGE = "what answers at {host} is not the provider: a proxy or a sign-in page perhaps; mend it, or set {base}"
# For what is no answer of the provider.
BY_CLASS: dict[ErrorClass, str] = {
    ErrorClass.DNS: "check this machine's network and name server, or set {base} to an address that exists",
    ErrorClass.CONNECT: "let this machine out to {host} (firewall, proxy), or set {base}",
    ErrorClass.TLS: "if a proxy reads the traffic to {host}, set SSL_CERT_FILE to its certificates",
    ErrorClass.TIMEOUT: "let this machine out to {host} (firewall, proxy), and run: aispend doctor",
    ErrorClass.BROKEN_OFF: "look at what stands between this machine and {host}, and run: aispend doctor",
    ErrorClass.SERVER_ERROR: "the trouble is the provider's: look at its status page, and run: aispend doctor",
    ErrorClass.UNAUTHORIZED: "set {key} to {wanted}",
    ErrorClass.REDIRECT: _NO_PAGE,
    ErrorClass.UNEXPECTED_CONTENT: _NO_PAGE,
    ErrorClass.MALFORMED: _NO_PAGE,
}
OTHERWISE = "run aispend doctor again; if it stays, tell the makers of aispend"


def explained(error: FetchError, account: KeyAccount, status: int | None, again_at: datetime | None) -> Finding:
    """What happened to a question of `account`, and the one remedy for it.

    `status` is that of the provider's last answer, `again_at` when it said to try again; none if it said nothing.
    """
    about, happened = f"{account.provider} {account.name}", str(error).strip().rstrip(".")
    if error.error_class is ErrorClass.OUT_OF_BUDGET:  # it says itself when it goes on, and nothing is wrong
        return Finding(Level.NOTE, about, happened)
    return Finding(Level.FAIL, about, f"{happened}; {_remedy(error, account, status, again_at)}")


def host(account: KeyAccount) -> str:
    """Where `account` asks, without the path."""
    parts = urlsplit(account.base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _remedy(error: FetchError, account: KeyAccount, status: int | None, again_at: datetime | None) -> str:
    remedy = _documented(error, account, status) or BY_CLASS.get(error.error_class, OTHERWISE)
    if remedy is OTHERWISE and error.error_class is ErrorClass.RATE_LIMITED:
        when = f"after {again_at:%Y-%m-%d %H:%M:%S} UTC" if again_at else "in some minutes"
        return f"the key is asked too often, by other programs too; try again {when}"
    return remedy.format(
        key=setting_of(account),
        wanted=wanted(account),
        base=account.inherited[0] + account.suffix,
        host=host(account),
    )


def _documented(error: FetchError, account: KeyAccount, status: int | None) -> str | None:
    """The remedy for an answer that said no; other errors are no answers."""
    if error.error_class not in (ErrorClass.UNAUTHORIZED, ErrorClass.REJECTED, ErrorClass.RATE_LIMITED):
        return None
    answers = _DOCUMENTED.get(account.provider, ())
    return next((one.remedy for one in answers if one.status == status and one.words in str(error)), None)
