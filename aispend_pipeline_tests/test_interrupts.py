"""Ctrl-C, a request to end and a terminal that goes away are one thing, for plain code and for asyncio."""

import asyncio
import os
import signal
import threading

import pytest

from aispend_pipeline.interrupts import like_ctrl_c

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", ALL)
def test_each_is_ctrl_c(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), like_ctrl_c():
        os.kill(os.getpid(), number)
        threading.Event().wait(60)

    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", ALL)
def test_asyncio_ends_its_tasks_first(number):
    ended = []

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("well")

    with pytest.raises(KeyboardInterrupt), like_ctrl_c():
        asyncio.run(wait())

    assert ended == ["well"]


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with like_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_thread_changes_nothing():
    before = [signal.getsignal(number) for number in ALL]
    seen = []

    def look() -> None:
        with like_ctrl_c():
            seen.extend(signal.getsignal(number) for number in ALL)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == before
