"""Each way of not reaching a provider: one line with one remedy."""

import asyncio
import socket
from contextlib import suppress

from aispend_pipeline.doctor import accounts
from aispend_pipeline.sources.http import Limits

from .world import OCTOBER, OPENAI_KEY, examined, trouble

COSTS = "/organization/costs"


def test_a_name_that_does_not_resolve(world, capsys):
    code, lines = examined(world, capsys, OPENAI_API_KEY=OPENAI_KEY, OPENAI_BASE_URL="https://nowhere.invalid/v1")

    assert (code, trouble(lines, "openai default")) == (
        1,
        f"FAIL openai default: {COSTS}: the server's name nowhere.invalid does not resolve; check this machine's"
        " network and name server, or set OPENAI_BASE_URL to an address that exists",
    )
    assert lines[-1] == " openai    default  not read yet  USD                                            31"


def test_a_connection_that_is_refused(world, capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    code, lines = examined(world, capsys, OPENAI_API_KEY=OPENAI_KEY, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")

    assert (code, trouble(lines, "openai default")) == (
        1,
        f"FAIL openai default: {COSTS}: the connection was refused; let this machine out to http://127.0.0.1:{port}"
        " (firewall, proxy), or set OPENAI_BASE_URL",
    )


def test_tls_that_is_not_acceptable(world, capsys):
    base = world.with_openai().replace("http:", "https:")

    code, lines = examined(world, capsys, OPENAI_BASE_URL=f"{base}/v1")

    said = trouble(lines, "openai default")
    assert code == 1
    assert said.startswith(f"FAIL openai default: {COSTS}: the server's certificate or TLS is not acceptable (")
    assert said.endswith(f"; if a proxy reads the traffic to {base}, set SSL_CERT_FILE to its certificates")


def test_no_answer_in_time(world):
    async def silent(scope, receive, send):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(1)

    world.with_openai(silent)
    limits = Limits(attempt_seconds=0.1, attempts=1)

    (one,) = asyncio.run(accounts.examine(world.settings(), world.clock, OCTOBER, limits))

    base = world.environment["OPENAI_BASE_URL"].removesuffix("/v1")
    assert one.findings[-1].line == (
        f"FAIL openai default: {COSTS}: no whole answer in 0.1 s; let this machine out to {base} (firewall, proxy), and"
        " run: aispend doctor"
    )
