"""The settings of the query service: where it listens, and whom it answers."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from aispend_pipeline import addresses
from aispend_pipeline.settings.values import Key, Port, Strict, setting

# What cannot be guessed by asking again and again.
SHORTEST_TOKEN = 16


def _long_enough(token: SecretStr) -> SecretStr:
    if len(token.get_secret_value()) < SHORTEST_TOKEN:
        raise ValueError(f"is shorter than {SHORTEST_TOKEN} characters; take the output of `openssl rand -hex 32`")
    return token


def _listed(text: Any) -> Any:
    return tuple(dict.fromkeys(one.strip().lower() for one in text.split(","))) if isinstance(text, str) else text


def _host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name, re.ASCII) for name in names):
        raise ValueError("is not a list of host names, without ports, separated by commas")
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(_is_origin, origins)):
        raise ValueError("is not a list of origins, as https://host or for this machine http://localhost:3000")
    return origins


def _is_origin(text: str) -> bool:
    """Whether a browser sends just this as `Origin`, and nobody on the way can have made it up."""
    try:
        found = addresses.web(text)
    except ValueError:
        return False
    return found.origin == text and (found.scheme == "https" or is_loopback(found.host))


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine is behind `host`, an address or a name."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ServiceSettings(Strict):
    """What the environment says of the query service."""

    host: str = setting(
        "AISPEND_HOST",
        "127.0.0.1",
        "where the query service listens; beyond this machine only with AISPEND_READ_TOKEN",
        "127.0.0.1",
    )
    port: Port = setting("AISPEND_PORT", 8080, "port of the query service; 0 takes a free one", "8080")
    read_token: Annotated[Key, AfterValidator(_long_enough)] | None = setting(
        "AISPEND_READ_TOKEN",
        None,
        "what every route but `/healthz` asks for: as bearer token, or as a browser's password with any user",
        "another-long-random-text",
    )
    admin_token: Key | None = setting(
        "ADMIN_TOKEN",
        None,
        "bearer token for the routes that change or send something",
        "a-long-random-text",
    )
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_host_names)] = setting(
        "AISPEND_ALLOWED_HOSTS",
        (),
        "names that the service is asked by, besides localhost, its address and AISPEND_PUBLIC_URL's; with commas",
        "aispend,aispend.internal",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_origins)] = setting(
        "AISPEND_CORS_ORIGINS",
        (),
        "sites whose pages may read the service in a browser; with commas",
        "https://finops.example.com",
    )
    rate_limit: Annotated[int, Field(ge=0, le=100_000)] = setting(
        "AISPEND_RATE_LIMIT",
        0,
        "requests a second from one address; more are refused, 0 is no limit",
        "50",
    )

    def same_tokens(self) -> list[str]:
        """A line if whoever may read could also change."""
        if self.read_token is None or self.read_token != self.admin_token:
            return []
        return ["AISPEND_READ_TOKEN: is that of ADMIN_TOKEN, so that readers could change things; take another"]

    def names(self, public_url: str | None) -> frozenset[str]:
        """The host names that are ours, in lower case."""
        public = urlsplit(public_url).hostname if public_url else None
        return frozenset({"localhost", self.host.lower(), *self.allowed_hosts, *([public] if public else [])})


def weak_tokens(found: Mapping[str, str]) -> list[str]:
    """A line for each token that is taken, and had better be another."""
    if not 0 < len(found.get("ADMIN_TOKEN", "")) < SHORTEST_TOKEN:
        return []
    return [f"ADMIN_TOKEN: is shorter than {SHORTEST_TOKEN} characters; take the output of `openssl rand -hex 32`"]
