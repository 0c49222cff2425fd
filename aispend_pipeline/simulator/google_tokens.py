"""The stand-in for Google's token endpoint, and the keys that it knows.

Facts: https://developers.google.com/identity/protocols/oauth2/service-account . The audience of an assertion is
Google's own address whatever a key's `token_uri` says, so it is not looked at.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Literal
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aispend_pipeline.clock import Clock

PROJECT = "aispend-sim"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_REFRESH = "1//sim-refresh-"
_DOMAIN = f"@{PROJECT}.iam.gserviceaccount.com"
Trouble = Literal["invalid_grant", "down", "hang"]


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account_json(base_url: str, account: str = "default") -> str:
    """A service account's JSON key, made for this process, whose tokens come from the stand-in at `base_url`."""
    pem = _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "51b0c0de",
        "private_key": pem.decode(),
        "client_email": f"{account}{_DOMAIN}",
        "client_id": "100000000000000000001",
        "token_uri": f"{base_url}/token",
        "universe_domain": "googleapis.com",
    }
    return json.dumps(key)


def refresh_token(account: str = "default") -> str:
    """The refresh token of a person who is logged in for `account`."""
    return f"{_REFRESH}{account}"


class _Denied(Exception):
    """A grant that is none; the message says why."""


class Tokens(Mapping[str, str]):
    """The tokens that are valid, with the account of each.

    `expires_in` is how long a new one lasts, seconds; `trouble` is what goes wrong at the endpoint.
    """

    def __init__(self, accounts: tuple[str, ...], clock: Clock) -> None:
        self._accounts, self._clock = accounts, clock
        self._issued: dict[str, tuple[str, datetime]] = {}
        self.expires_in = 3599
        self.trouble: Trouble | None = None
        self.issued = 0

    def __getitem__(self, token: str) -> str:
        account, until = self._issued[token]
        if self._clock.now() >= until:
            raise KeyError(token)
        return account

    def __iter__(self) -> Iterator[str]:
        now = self._clock.now()
        return (token for token, (_, until) in self._issued.items() if now < until)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def expire(self) -> None:
        """From now on no token is valid that has been issued."""
        self._issued.clear()

    def issue(self, account: str) -> str:
        """A new token."""
        self.issued += 1
        token = f"ya29.sim-{account}-{self.issued}"
        self._issued[token] = (account, self._clock.now() + timedelta(seconds=self.expires_in))
        return token

    def routes(self) -> list[Route]:
        """The endpoint: `POST /token`."""
        return [Route("/token", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        if self.trouble == "hang":
            while (await request.receive())["type"] != "http.disconnect":
                pass  # nothing is said until the caller gives up
        if self.trouble == "down":
            return JSONResponse({"error": "internal_failure"}, 500)
        try:
            if self.trouble == "invalid_grant":
                raise _Denied("Invalid JWT Signature.")
            token = self.issue(self._whose(dict(parse_qsl((await request.body()).decode()))))
        except _Denied as denied:
            return JSONResponse({"error": "invalid_grant", "error_description": str(denied)}, 400)
        return JSONResponse({"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer"})

    def _whose(self, given: Mapping[str, str]) -> str:
        if given.get("grant_type") == _BEARER:
            account = _signer(given.get("assertion", ""))
        else:
            account = given.get("refresh_token", "").removeprefix(_REFRESH)
        if account not in self._accounts:
            raise _Denied("Invalid grant: account not found")
        return account


def _signer(assertion: str) -> str:
    """The account that signed an assertion, if our key did."""
    signed, _, signature = assertion.rpartition(".")
    try:
        _key().public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        issuer = str(json.loads(_decoded(signed.partition(".")[2]))["iss"])
    except (InvalidSignature, ValueError, KeyError):
        raise _Denied("Invalid JWT Signature.") from None
    return issuer.removesuffix(_DOMAIN)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
