"""Ctrl-C, a request to end and a terminal that goes away: one thing, which Python raises and asyncio sees."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def like_ctrl_c() -> Iterator[None]:
    """In the block each of them is Ctrl-C, handled by Python: what Dagster's handlers raise inside asyncio is lost.

    A thread that is not the main one gets no signal, and changes nothing; what is ignored, as under `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
