"""`AISPEND_SMTP_URL`: one address that says which server takes mail, as whom, from whom and to whom.

`smtp://user:password@host:587?from=a@x&to=b@y,c@z`, or `smtps://` for TLS from the first byte.
"""

import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import SecretStr

from aispend_pipeline import addresses

_PORTS = {"smtp": 587, "smtps": 465}
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)


class Tls(StrEnum):
    """How a connection to a mail server is made secret."""

    IMPLICIT = "implicit"  # from the first byte
    REQUIRED = "required"  # by STARTTLS, or nothing is sent
    OFFERED = "offered"  # by STARTTLS, if the server has it
    NEVER = "never"


@dataclass(frozen=True)
class Smtp:
    """A mail server and what to do there."""

    host: str
    port: int
    user: str | None
    password: SecretStr | None
    sender: str
    recipients: tuple[str, ...]
    tls: Tls

    @property
    def origin(self) -> str:
        """What may be shown of it: scheme, host and port."""
        scheme = "smtps" if self.tls is Tls.IMPLICIT else "smtp"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse(text: str) -> Smtp:
    """The mail server that `text` names; `ValueError` that never repeats a part of it."""
    split = addresses.parts(text, tuple(_PORTS))
    host = split.hostname or ""
    addresses.check_host(host)
    if split.path not in ("", "/") or split.fragment:
        raise ValueError("must not carry a path or a fragment; write / ? # @ in a password as %2F %3F %23 %40")
    asked = _query(split.query)
    recipients = tuple(dict.fromkeys(_mailboxes("to", asked["to"])))
    if not recipients:
        raise ValueError("does not say to whom; add ?to=")
    sender = _mailboxes("from", asked["from"]) or [f"aispend@{_own_domain(host)}"]
    if len(sender) > 1:
        raise ValueError("has more than one sender")
    user, password = _login(split)
    port = split.port or _PORTS[split.scheme]
    return Smtp(host, port, user, password, sender[0], recipients, _tls(split.scheme, host, asked["tls"]))


def _query(query: str) -> dict[str, list[str]]:
    asked: dict[str, list[str]] = {"from": [], "to": [], "tls": []}
    # A plus stands for itself: many mailboxes have one.
    for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True):
        if name not in asked:
            raise ValueError("asks for something other than from, to and tls")
        asked[name].append(value)
    return asked


def _mailboxes(name: str, values: list[str]) -> list[str]:
    found = [one.strip() for value in values for one in value.split(",") if one.strip()]
    if not all(_MAILBOX.fullmatch(one) for one in found):
        raise ValueError(f"has something in {name}= that is no mail address")
    return found


def _login(split: SplitResult) -> tuple[str | None, SecretStr | None]:
    if split.username is None and split.password is None:
        return None, None
    if not split.username or not split.password:
        raise ValueError("has a user without a password or the reverse")
    user, password = unquote(split.username), unquote(split.password)
    if not (user + password).isprintable():
        raise ValueError("has a user or a password with characters that none has")
    return user, SecretStr(password)


def _tls(scheme: str, host: str, asked: list[str]) -> Tls:
    if asked not in ([], ["required"], ["never"]):
        raise ValueError("has a tls= that is neither required nor never")
    if scheme == "smtps":
        if asked == ["never"]:
            raise ValueError("asks for TLS by smtps: and for none by tls=never")
        return Tls.IMPLICIT
    if asked:
        return Tls(asked[0])
    ip = addresses.literal(host)
    return Tls.OFFERED if host == "localhost" or (ip is not None and ip.is_loopback) else Tls.REQUIRED


def _own_domain(host: str) -> str:
    """The domain that mail comes from if nothing is said: this machine's, or else the mail server's."""
    names = (socket.gethostname(), host)
    return next((name for name in names if "." in name and _MAILBOX.fullmatch(f"a@{name}")), "localhost")
