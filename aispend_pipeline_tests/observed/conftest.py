"""The log of a test, line by line."""

import json
import logging
from collections.abc import Iterator

import pytest

from aispend_pipeline import log


class Written:
    """All that went to standard error and output so far."""

    def __init__(self, capsys: pytest.CaptureFixture) -> None:
        self._capsys = capsys
        self.text = ""

    def all(self) -> str:
        """Everything, as it was written."""
        out, err = self._capsys.readouterr()
        self.text += out + err
        return self.text

    def events(self, name: str) -> list[dict]:
        """The lines of one event; every line must be a JSON object."""
        lines = [json.loads(line) for line in self.all().splitlines()]
        return [line for line in lines if line["event"] == name]


@pytest.fixture
def written(capsys) -> Iterator[Written]:
    """What is logged from here on, at every level."""
    log.configure(logging.DEBUG)
    yield Written(capsys)
    log.configure()
