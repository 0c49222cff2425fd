import logging
import shutil
from collections import namedtuple
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from aispend_pipeline import log

from .world import World

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def world(tmp_path, monkeypatch) -> Iterator[World]:
    """Nothing is set in it yet, and its disk has 20 GiB left; only warnings are logged, as by every command."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**35, 2**34, 20 * 2**30))
    log.configure(logging.WARNING)
    with ExitStack() as stack:
        stack.callback(log.configure)
        yield World(tmp_path, stack)
