"""Google's credentials: found where they are, and what they are asked for goes through our own HTTP client.

Facts: Google's guides to Application Default Credentials and to credentials from outside, by which those of a file are
to be loaded by their type. A token endpoint says with `error` and `error_description` why it gives none.
"""

import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import google.auth
import httpx
from google.auth import exceptions, transport
from google.auth.credentials import Credentials

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.tls import trusted

# Where Application Default Credentials are looked for: the first names a file, the others say where gcloud's is and
# where the machine's metadata are.
FILE_VARIABLE, *_PLACES = ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "GCE_METADATA_HOST")
_SECONDS = 20.0
_INSTEAD = "set GCP_SA_JSON to credentials of Google's, or unset it to take this machine's own"

# It warns on standard error of what is told here by an error, or by the doctor.
logging.getLogger("google.auth").setLevel(logging.ERROR)


class Found(NamedTuple):
    """Credentials, the project that they are of if they say, and the file that they are from if there is one."""

    credentials: Credentials
    project: str | None
    file: Path | None

    @property
    def kind(self) -> str:
        """What they are, for people."""
        return _KINDS.get(type(self.credentials).__module__, "credentials of a kind that is not known here")

    @property
    def whose(self) -> str | None:
        """The account that they stand for, if they say."""
        email = getattr(self.credentials, "service_account_email", None)
        return email if isinstance(email, str) and "@" in email else None

    @property
    def secret(self) -> bool:
        """Whether the file holds what would let anybody in; that of workload identity does not."""
        return not self.kind.startswith("workload identity")


# By the module that a kind's class is in: to import all of them takes long.
_KINDS = {
    "google.oauth2.service_account": "a service account's key",
    "google.oauth2.credentials": "a person's login",
    "google.auth.impersonated_credentials": "an impersonated service account",
    "google.auth.identity_pool": "workload identity",
    "google.auth.aws": "workload identity of AWS",
    "google.auth.pluggable": "workload identity of a command",
    "google.auth.compute_engine.credentials": "the service account of this machine (metadata server)",
}


def places() -> tuple[str | None, ...]:
    """Where this machine's own credentials are looked for, as its environment says."""
    return tuple(os.environ.get(name) for name in (FILE_VARIABLE, *_PLACES))


def find(key: str, scope: str) -> Found:
    """The credentials that `key` is, as JSON or as the path of a file; this machine's own if it is empty.

    Raises `FetchError` (unauthorized), or what google-auth raises when it has to ask for something.
    """
    if not key:
        return _of_machine([scope])
    file = None if key.startswith("{") else Path(key)
    where = "GCP_SA_JSON" if file is None else f"GCP_SA_JSON: {_named(file)}"
    info = json.loads(key) if file is None else _read(file, where)
    load = _LOADERS.get(str(info.get("type")))
    if load is None:
        raise _unusable(f"{where} has the type {str(info.get('type'))[:40]!r}, which is none that is known here")
    try:
        credentials = load(info, [scope])
    except (ValueError, LookupError, TypeError, AttributeError, exceptions.DefaultCredentialsError):
        # which may quote what they could not read
        raise _unusable(f"{where} is damaged, or lacks a part that its type has") from None
    return Found(credentials, _project(info, credentials), file)


def _of_machine(scopes: Sequence[str]) -> Found:
    named = os.environ.get(FILE_VARIABLE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a login has no quota project: the answers say so where it matters
            credentials, project = google.auth.default(scopes=scopes, request=Transport())
    except OSError as error:
        raise _unusable(f"{FILE_VARIABLE}: {named} cannot be read ({error.strerror})") from None
    except exceptions.DefaultCredentialsError:
        if named:
            raise _unusable(f"{FILE_VARIABLE}: {named} holds no credentials of Google's, or is not there") from None
        raise FetchError(
            ErrorClass.UNAUTHORIZED,
            "no credentials of Google's were found on this machine; set GCP_SA_JSON, or run: gcloud auth"
            " application-default login",
        ) from None
    except (AttributeError, TypeError):  # JSON that is no object
        raise _unusable(f"{FILE_VARIABLE}: {named} holds JSON that is no credentials of Google's") from None
    source = named or (credentials.get_cred_info() or {}).get("credential_source")  # type: ignore[no-untyped-call]
    file = Path(source or "")
    return Found(credentials, project, file if file.is_file() else None)


def _named(file: Path) -> str:
    """What may be shown of a path: nothing if it may be a token that was taken for one."""
    return str(file) if file.is_absolute() or file.suffix == ".json" else "the file that it names"


def _read(file: Path, where: str) -> Mapping[str, Any]:
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _unusable(f"{where} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise _unusable(f"{where} holds no JSON") from None
    if not isinstance(info, dict):
        raise _unusable(f"{where} holds JSON that is no credentials of Google's")
    return info


def _unusable(what: str) -> FetchError:
    return FetchError(ErrorClass.UNAUTHORIZED, f"{what}; {_INSTEAD}")


def _project(info: Mapping[str, Any], credentials: Credentials) -> str | None:
    """The project that they are of; workload identity has to ask for its name, and may not be told."""
    named = info.get("project_id")
    if named is None and info.get("type") == "external_account":
        with suppress(*FAILURES):
            named = credentials.get_project_id(Transport())  # type: ignore[attr-defined]
    return named if isinstance(named, str) else None


def _service_account(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    from google.oauth2 import service_account

    return service_account.Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]


def _person(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    """What a person agreed to when they logged in decides, and not the scopes."""
    from google.oauth2 import credentials

    return credentials.Credentials.from_authorized_user_info(info)  # type: ignore[no-untyped-call]


def _impersonated(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    from google.auth.impersonated_credentials import Credentials as Impersonated

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the source's type is in our file, as the rest is
        return Impersonated.from_impersonated_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]


def _external(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    from google.auth import aws, identity_pool, pluggable

    kind: Any = identity_pool
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        kind = aws
    elif "executable" in (info.get("credential_source") or {}):
        kind = pluggable
    return kind.Credentials.from_info(info, scopes=scopes)


_LOADERS: Mapping[str, Callable[[Mapping[str, Any], Sequence[str]], Any]] = {
    "service_account": _service_account,
    "authorized_user": _person,
    "impersonated_service_account": _impersonated,
    "external_account": _external,
}


class _Answer(transport.Response):
    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> httpx.Headers:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content


class Transport(transport.Request):
    """What google-auth asks through: with our certificates, in bounded time, and without waits of its own.

    An endpoint that is in trouble is a `TransportError`, so that the caller tries again, and not google-auth too.
    """

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        """The answer to one call. Raises `TransportError`."""
        host = httpx.URL(url).host
        try:
            with httpx.Client(verify=trusted("tokens"), timeout=timeout or _SECONDS) as http:
                answer = http.request(method, url, content=body, headers=headers)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
            raise exceptions.TransportError(f"{host}: {said}") from error  # type: ignore[no-untyped-call]
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            raise exceptions.TransportError(f"{host} answered {answer.status_code}")  # type: ignore[no-untyped-call]
        return _Answer(answer)


# What google-auth raises, and what befalls it where an answer is not what it expects.
FAILURES = (exceptions.GoogleAuthError, ValueError, LookupError, TypeError, AttributeError)


def refused(error: Exception) -> FetchError:
    """The `FetchError` of credentials that were refused, or for which nobody could be asked."""
    if not isinstance(error, exceptions.GoogleAuthError):
        return FetchError(ErrorClass.UNEXPECTED_CONTENT, "Google's token endpoint answered with what is no token")
    said = _fit_to_show(" ".join([*map(str, error.args[:1]), _reason(error)]))
    if isinstance(error, exceptions.TransportError) or error.retryable:
        told = "Google's token endpoint cannot be asked"
        return FetchError(ErrorClass.CONNECT, f"{told}: {said}", plain=told)
    return FetchError(ErrorClass.UNAUTHORIZED, f"Google gives no token: {said}", plain="Google gives no token")


def _reason(error: exceptions.GoogleAuthError) -> str:
    """What an answer says that google-auth leaves in its body, as it does where an account is impersonated."""
    try:
        told = json.loads(error.args[1])["error"]["message"]
    except (IndexError, TypeError, ValueError, KeyError):
        return ""
    return str(told)


def _fit_to_show(text: str) -> str:
    """Without what was sent, should it be repeated: assertions and tokens are JWTs, or begin as Google's tokens do."""
    return " ".join(re.sub(r"\beyJ[\w.~+/=-]+|\bya29\.[\w.-]+|-----BEGIN.*", "[key]", text, flags=re.S).split())[:300]
