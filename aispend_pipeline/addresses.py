"""Where messages may go: any http or https address, private ones too, but never link-local or cloud metadata.

A metadata service hands out a machine's credentials to whoever asks from it, and one who may set a webhook's
address must not be able to make us ask. Names are looked up again at every sending, so both the text of an
address and what its name resolves to are held to the same rule.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))
# Where clouds answer for their machines outside of the link-local range: AWS, Google, Alibaba, Oracle, Azure.
_METADATA = tuple(
    map(ipaddress.ip_network, ("fd00:ec2::/32", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
_NOWHERE = (ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("::/128"))
# IPv6 addresses whose last 32 bits are the IPv4 address that is really spoken to: compatible, and NAT64 twice.
_ENDS_IN_IPV4 = tuple(map(ipaddress.ip_network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48")))
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Blocked(ValueError):
    """Nothing may be sent there."""


@dataclass(frozen=True)
class Target:
    """An http or https address taken apart; only `origin` may be shown."""

    scheme: str
    host: str
    port: int
    origin: str
    path: str = field(repr=False)  # with the query


def refusal(ip: IP) -> str | None:
    """Why nothing is ever sent to `ip`, none if it may be."""
    for one in (ip, *_embedded(ip)):
        if any(one in network for network in _METADATA):
            return "is a cloud's metadata address"
        if any(one in network for network in _LINK_LOCAL):
            return "is a link-local or metadata address"
        if one.is_multicast:
            return "is a multicast address"
        if any(one in network for network in _NOWHERE):
            return "is no address of a machine"
    return None


def _embedded(ip: IP) -> Iterator[IP]:
    """The IPv4 addresses that an IPv6 one stands for."""
    if isinstance(ip, ipaddress.IPv4Address):
        return
    yield from (one for one in (ip.ipv4_mapped, ip.sixtofour) if one is not None)
    if int(ip) > 1 and any(ip in network for network in _ENDS_IN_IPV4):
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


def literal(host: str) -> IP | None:
    """The address that `host` spells, in any way that the system's lookup understands; none for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 2852039166 and 0xa9.0xfe.43518 are addresses too
    except OSError:
        return None


def check_host(host: str) -> None:
    """Raise `Blocked` if `host` spells an address that nothing is sent to, `ValueError` if it cannot be a host."""
    ip = literal(host)
    if ip is None and not re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", host, re.ASCII):
        raise ValueError("has a host that is no name; write one of other letters as xn--...")
    why = refusal(ip) if ip is not None else None
    if why:
        raise Blocked(f"{why}, and nothing is sent there")


async def resolve(host: str, port: int) -> tuple[IP, ...]:
    """The addresses of `host`, as the system has them now.

    Raises `Blocked` if nothing may be sent to any one of them, `OSError` if there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ips = tuple(dict.fromkeys(ipaddress.ip_address(where[0]) for *_, where in found))
    for ip in ips:
        why = refusal(ip)
        if why:
            raise Blocked(f"{ip} {why}, and nothing is sent there")
    return ips


def parts(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """`text` taken apart; `ValueError` that never repeats it unless it is an address of one of `schemes`."""
    if not re.fullmatch(r"[!-~]+", text, re.ASCII):
        raise ValueError("is not an address: it has spaces or letters that none has")
    try:
        split = urlsplit(text)
        host, port = split.hostname, split.port
    except ValueError:
        raise ValueError("is not an address") from None
    if split.scheme not in schemes or not host or port == 0:
        raise ValueError(f"is not an {' or '.join(schemes)} address")
    return split


def web(text: str) -> Target:
    """An http or https address, taken apart; `ValueError` that never repeats it if it is not fit for a webhook."""
    split = parts(text, ("http", "https"))
    host = split.hostname or ""
    if split.username is not None or split.password is not None:
        raise ValueError("must not carry a user or a password")
    if split.fragment:
        raise ValueError("must not carry a fragment")
    check_host(host)
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return Target(split.scheme, host, split.port or _DEFAULT_PORTS[split.scheme], origin(split), path)


def origin(split: SplitResult) -> str:
    """What may be shown of an address: scheme, host, and port if there is one."""
    host = split.hostname or ""
    port = f":{split.port}" if split.port else ""
    return f"{split.scheme}://{f'[{host}]' if ':' in host else host}{port}"
