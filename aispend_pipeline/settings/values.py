"""The kinds of values that settings have: how each is written, and what is refused."""

import base64
import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from aispend_pipeline import addresses
from aispend_pipeline.model import GRID_START, parse_day
from aispend_pipeline.settings import smtp


def setting(alias: str, default: Any, description: str, example: str) -> Any:
    """A field that is a setting: its name, what it is if unset, what the reference says, what an error shows."""
    return Field(default=default, alias=alias, description=description, examples=[example])


class Strict(BaseModel):
    """Frozen, and nothing but what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, hide_input_in_errors=True)


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


def plain_decimal(text: Any) -> Any:
    """A text that is a plain amount of US dollars, without sign, exponent or thousands; `ValueError` if it is not."""
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
    target = addresses.web(text)
    if "?" in text:
        raise ValueError("must not carry a query")
    if target.scheme == "http" and target.host not in _LOOPBACK:
        raise ValueError("may use plain http only for this machine itself; write https")
    return text.rstrip("/")


def _public_address(text: str) -> str:
    addresses.web(text)
    if "?" in text:
        raise ValueError("must not carry a query")
    return text.rstrip("/")


class SecretAddress(SecretStr):
    """An address that is a secret beyond its host: a path or a query that whoever knows it may post to."""

    @property
    def origin(self) -> str:
        """What may be shown of it: scheme, host, and port if there is one."""
        return addresses.origin(urlsplit(self.get_secret_value()))


def _webhook(secret: SecretAddress) -> SecretAddress:
    addresses.web(secret.get_secret_value())
    return secret


def _smtp_url(secret: SecretAddress) -> SecretAddress:
    smtp.parse(secret.get_secret_value())
    return secret


def hook_keys(text: str) -> tuple[bytes, ...]:
    """The keys that `whsec_...` secrets spell, in their order; `ValueError` that never repeats them."""
    secrets = re.split(r"[\s,]+", text)
    if len(secrets) > 2:
        raise ValueError("has more than two secrets: the new one and, while it is being rotated, the old one")
    return tuple(map(_hook_key, secrets))


def _hook_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("is not whsec_ and the base64 of 24 to 64 random bytes")
    return key


def _hook_secret(secret: SecretStr) -> SecretStr:
    hook_keys(secret.get_secret_value())
    return secret


def _percentages(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    written = [one.strip() for one in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,4}", one, re.ASCII) and 1 <= int(one) <= 1000 for one in written):
        raise ValueError("is not a list of whole percentages from 1 to 1000")
    return tuple(sorted({int(one) for one in written}))


Flag = Annotated[bool, BeforeValidator(_flag)]
StartDay = Annotated[date, BeforeValidator(_day), AfterValidator(_start_day)]
Header = Annotated[str, AfterValidator(_header)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Cap = Annotated[Decimal, BeforeValidator(plain_decimal)]
Port = Annotated[int, Field(ge=0, le=65535)]
Address = Annotated[str, AfterValidator(_address)]
PublicAddress = Annotated[str, AfterValidator(_public_address)]
Webhook = Annotated[SecretAddress, AfterValidator(_webhook)]
SmtpUrl = Annotated[SecretAddress, AfterValidator(_smtp_url)]
HookSecret = Annotated[SecretStr, AfterValidator(_hook_secret)]
Percentages = Annotated[tuple[int, ...], BeforeValidator(_percentages)]
