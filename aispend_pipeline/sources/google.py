"""How Google's interfaces are spoken to: whose credentials, and what to do when they are refused.

Facts: Google's guides to Application Default Credentials, and to access control of BigQuery, budgets and Pub/Sub.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from threading import Lock

from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import google_credentials
from aispend_pipeline.sources.google_credentials import Found, Transport
from aispend_pipeline.sources.http import Endpoint

PROVIDER = "vertex"
_SCOPES = "https://www.googleapis.com/auth/"
BIGQUERY, BUDGETS, PUBSUB = (f"{_SCOPES}{name}" for name in ("bigquery", "cloud-billing", "pubsub"))
# A project's quota is used up for the day, or a query reads too much: no waiting within a run mends that.
NEVER_RETRY = frozenset({"quotaExceeded", "bytesBilledLimitExceeded"})


def account_of(settings: Settings, name: str) -> GoogleAccount:
    """The settings of account `name`; `KeyError` when there is none."""
    return {account.name: account for account in settings.vertex}[name]


def endpoint(account: GoogleAccount, base_url: str, scope: str) -> Endpoint:
    """Where `account` asks with the right of `scope`; the credentials are looked for at the first call."""
    key = account.service_account.get_secret_value() if account.service_account else ""
    whose = f"GCP_SA_JSON{account.suffix}" if key else "this machine"
    remedy = f"Give the account that {whose} stands for the roles that docs/providers.md lists."
    return Endpoint(
        base_url,
        {"accept": "application/json"},
        secrets_of(key),
        remedy,
        NEVER_RETRY,
        credentials=keychain(account, scope),
    )


def keychain(account: GoogleAccount, scope: str) -> "Keychain":
    """The credentials of `account` for what `scope` allows; one for all who ask."""
    key = account.service_account.get_secret_value() if account.service_account else ""
    return _keychain(key, scope, google_credentials.places())


def secrets_of(key: str) -> tuple[str, ...]:
    """What must never be shown of credentials: the private parts, where `key` is JSON and not a path."""
    try:
        parts = json.loads(key) if key.startswith("{") else {}
    except ValueError:
        return (key,)
    hidden = (parts.get(name) for name in ("private_key", "private_key_id", "refresh_token", "client_secret"))
    return tuple(part for part in hidden if isinstance(part, str) and part)


class Keychain:
    """Google's credentials with their token, shared by all calls of a process; safe between threads.

    Its methods block, and raise `FetchError`: unauthorized where credentials are missing, unusable or refused, and
    connect where nobody could be asked for a token.
    """

    def __init__(self, key: str, scope: str) -> None:
        self._key, self._scope = key, scope
        self._lock = Lock()
        self._found: Found | None = None

    def headers(self, *, fresh: bool = False) -> Mapping[str, str]:
        """Those of a call, with a token that is good for a while; a new one if `fresh`."""
        with self._lock:
            try:
                credentials = self._loaded().credentials
                headers: dict[str, str] = {}
                if fresh:
                    credentials.refresh(Transport())  # type: ignore[no-untyped-call]
                credentials.before_request(Transport(), "GET", "", headers)  # type: ignore[no-untyped-call]
            except google_credentials.FAILURES as error:
                raise google_credentials.refused(error) from None
        return headers

    def found(self) -> Found:
        """The credentials: their kind, whose they are, and from where."""
        with self._lock:
            try:
                return self._loaded()
            except google_credentials.FAILURES as error:
                raise google_credentials.refused(error) from None

    def project(self) -> str | None:
        """The project that the credentials are of, if they say."""
        return self.found().project

    def _loaded(self) -> Found:
        if self._found is None:
            self._found = google_credentials.find(self._key, self._scope)
        return self._found


@lru_cache(maxsize=64)
def _keychain(key: str, scope: str, places: tuple[str | None, ...]) -> Keychain:
    return Keychain(key, scope)
