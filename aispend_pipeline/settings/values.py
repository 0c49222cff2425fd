"""The kinds of values that settings have: how each is written, and what is refused."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from aispend_pipeline.model import GRID_START, parse_day

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _flag(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError("is neither true nor false")
    return text.lower() in _TRUE


def _day(text: Any) -> Any:
    return parse_day(text) if isinstance(text, str) else text


def _plain_decimal(text: Any) -> Any:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,18})?", text, re.ASCII):
        raise ValueError("is not a plain amount of US dollars")
    return text


def _start_day(day: date) -> date:
    if day < GRID_START:
        raise ValueError(f"is before {GRID_START}, the first day there is")
    return day


def _header(text: str) -> str:
    if not re.fullmatch(r"[ -~]+", text, re.ASCII):
        raise ValueError("has characters that no id has; copy it again")
    return text


def _key(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value(), re.ASCII):
        raise ValueError("has characters that no key has; copy it again")
    return secret


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is not an http or https address")
    if parts.username or parts.password:
        raise ValueError("must not carry a user or a password")
    if parts.query or parts.fragment:
        raise ValueError("must not carry a query or a fragment")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ValueError("may use plain http only for this machine itself; write https")
    return text.rstrip("/")


Flag = Annotated[bool, BeforeValidator(_flag)]
StartDay = Annotated[date, BeforeValidator(_day), AfterValidator(_start_day)]
Header = Annotated[str, AfterValidator(_header)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Cap = Annotated[Decimal, BeforeValidator(_plain_decimal)]
Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, AfterValidator(_address)]
