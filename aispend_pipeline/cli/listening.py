"""Where the service and Dagster's UI listen, and that nobody can reach them from elsewhere by oversight."""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aispend_pipeline.errors import UsageError
from aispend_pipeline.settings import Settings
from aispend_pipeline.settings.service import SHORTEST_TOKEN, is_loopback

_TRIED = 50


def listen(
    settings: Settings, port: int | None = None, by: str = "AISPEND_PORT", *, insecure: bool = False
) -> socket.socket:
    """A socket that listens where `settings` say, on another `port` perhaps.

    Raises `UsageError` when the address cannot be had, with `by` to choose another port, and when others than this
    machine could read without a token, unless that is wanted, or could guess the one that changes things.
    """
    host, port = settings.host, settings.port if port is None else port
    with _named(host, port, by):
        _, where = _found(host, port)
    if not is_loopback(where[0]):
        _refuse_open(host, settings, insecure=insecure)
    return bound(host, port, by)


def bound(host: str, port: int, by: str) -> socket.socket:
    """A socket that listens there; `UsageError` when the address cannot be had, with `by` to choose another port."""
    with _named(host, port, by):
        family, where = _found(host, port)
        return socket.create_server(where, family=family)


@contextmanager
def _named(host: str, port: int, by: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise UsageError(f"{host}:{port} cannot be listened on ({why}); choose another with {by}") from None


def next_free(port: int) -> int:
    """`port`, or else the next one that this machine has free."""
    for one in range(port, port + _TRIED):
        with suppress(OSError):
            socket.create_server(("127.0.0.1", one)).close()
            return one
    raise UsageError(f"127.0.0.1:{port} and the {_TRIED - 1} ports after it are taken; free one of them")


def _found(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """What a host is to the system: an IPv4 address, unless it has none."""
    if not 0 <= port <= 65535:
        raise OSError(errno.EINVAL, "a port is 0 to 65535")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, where


def _refuse_open(host: str, settings: Settings, *, insecure: bool) -> None:
    if settings.admin_token is not None and len(settings.admin_token.get_secret_value()) < SHORTEST_TOKEN:
        raise UsageError(
            f"AISPEND_HOST: {host} is open to other machines, and ADMIN_TOKEN is shorter than {SHORTEST_TOKEN}"
            " characters; take the output of `openssl rand -hex 32`"
        )
    if settings.read_token is None and not insecure:
        raise UsageError(
            f"AISPEND_HOST: {host} is open to other machines; set AISPEND_READ_TOKEN to the output of"
            " `openssl rand -hex 32`, or listen on 127.0.0.1, or let everybody read with --insecure"
        )
    if settings.read_token is None:
        danger = "whoever can reach it reads what you spend, and what providers sent; set AISPEND_READ_TOKEN"
    else:
        danger = "the token goes over the network as it is; have a proxy with TLS stand before it"
    print(f"warning: AISPEND_HOST: {host} is open to other machines: {danger}", file=sys.stderr, flush=True)


def refuse_open_ui(settings: Settings, *, insecure: bool = False) -> None:
    """Raise `UsageError` if others than this machine could use Dagster's UI, unless that is wanted."""
    host = settings.dagster_host
    try:
        _, where = _found(host, settings.dagster_port)
    except OSError:
        return  # it cannot be listened on either
    if is_loopback(where[0]):
        return
    danger = f"AISPEND_DAGSTER_HOST: {host} is open to other machines, and Dagster's UI asks nobody who they are"
    if not insecure:
        raise UsageError(f"{danger}; take 127.0.0.1, or let everybody do there what they like with --insecure")
    print(f"warning: {danger}", file=sys.stderr, flush=True)


def address(listener: socket.socket) -> str:
    """Where a listener is asked over HTTP."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
