"""Where nothing is ever sent, however the address is spelt, and what a name resolves to at sending time."""

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given, strategies

from aispend_pipeline import addresses

REFUSED = """
169.254.169.254 169.254.0.0 169.254.255.255 100.100.100.200 192.0.0.192 168.63.129.16 224.0.0.1 239.255.255.255
0.0.0.0 0.1.2.3 fe80::1 febf::1 fe80::1%eth0 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ff02::1 :: ::ffff:169.254.169.254
::ffff:100.100.100.200 ::ffff:0.0.0.0 2002:a9fe:a9fe::1 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe ::a9fe:a9fe
::ffff:224.0.0.1
""".split()
TAKEN = """
127.0.0.1 127.8.8.8 10.0.0.1 192.168.1.1 172.16.0.1 100.64.0.1 93.184.215.14 169.253.255.255 169.255.0.0 ::1
fd12::1 fc00::1 2606:2800:21f:cb07::1 fec0::1 ::ffff:127.0.0.1 2002:7f00:1::1 64:ff9b::7f00:1 fd00:ec3::254
""".split()


@pytest.mark.parametrize("text", REFUSED)
def test_nothing_is_sent_to_link_local_metadata_multicast_or_nowhere(text):
    assert addresses.refusal(ipaddress.ip_address(text))
    with pytest.raises(addresses.Blocked, match="nothing is sent there"):
        addresses.check_host(text)


@pytest.mark.parametrize("text", TAKEN)
def test_loopback_private_and_public_ones_are_taken(text):
    assert addresses.refusal(ipaddress.ip_address(text)) is None
    addresses.check_host(text)


@given(strategies.ip_addresses(v=4, network="169.254.0.0/16"))
def test_a_link_local_address_is_refused_in_every_spelling_that_resolves_to_it(ip):
    number = int(ip)
    first, *_ = ip.packed
    spellings = [
        str(ip),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{first}.{number & 0xFFFFFF}",
        f"::ffff:{ip}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
        f"64:ff9b::{ip}",
    ]
    for spelling in spellings:
        with pytest.raises(addresses.Blocked):
            addresses.check_host(spelling)


@given(strategies.ip_addresses(v=4))
def test_an_address_and_what_it_is_mapped_to_are_judged_alike(ip):
    mapped = ipaddress.ip_address(f"::ffff:{ip}")
    assert bool(addresses.refusal(ip)) == bool(addresses.refusal(mapped))


@given(strategies.text(max_size=30))
def test_a_text_of_any_kind_is_an_address_or_a_value_error(text):
    for spelt in (text, f"http://{text}", f"https://{text}/x"):
        try:
            target = addresses.web(spelt)
        except ValueError:
            continue
        assert target.scheme in {"http", "https"}
        assert target.host
        assert 0 < target.port < 65536


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("https://Hooks.Example/a/b?c=d", ("https", "hooks.example", 443, "https://hooks.example", "/a/b?c=d")),
        ("http://[::1]:81", ("http", "::1", 81, "http://[::1]:81", "/")),
        ("http://h?x", ("http", "h", 80, "http://h", "/?x")),
    ],
)
def test_an_address_is_taken_apart(text, taken):
    target = addresses.web(text)

    assert (target.scheme, target.host, target.port, target.origin, target.path) == taken
    assert target.path == "/" or target.path not in repr(target)


def test_a_name_resolves_to_each_of_its_addresses_once():
    assert asyncio.run(addresses.resolve("127.0.0.1", 80)) == (ipaddress.ip_address("127.0.0.1"),)


def test_a_name_that_has_one_refused_address_is_refused_whole(monkeypatch):
    def resolves_to(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("10.0.0.1", "169.254.169.254")]

    monkeypatch.setattr(socket, "getaddrinfo", resolves_to)

    with pytest.raises(addresses.Blocked, match=r"169\.254\.169\.254 is a link-local"):
        asyncio.run(addresses.resolve("hooks.example", 443))
