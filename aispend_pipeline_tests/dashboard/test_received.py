"""The page's way of showing what a provider sent: nothing of it is changed, and the record of a line is found."""

import json
from pathlib import Path

import pytest

from ..conftest import SAMPLES
from .browser import opened

LAID_OUT = """async ([received, number]) => {
  const { laidOut } = await import("/dashboard/received.js");
  const { text, record } = laidOut(received, number);
  return [text, record && text.slice(...record)];
}"""
TRICKY = (
    r"""{"rows": "no list", "data": [{"results": [{"x": "}]\\\"[{", "results": []}]}], "n": 1.10000000000000000001}"""
)
PAGES = [
    file
    for file in sorted(SAMPLES.parent.rglob("*.json"))
    if any(f'"{name}"' in file.read_text() for name in ("results", "rows"))
]


def records(page: dict) -> list:
    """The records of a page, in the order in which they stand."""
    buckets = page.get("data", [])
    return page.get("rows", []) or [one for of in buckets for one in of.get("results", [])]


@pytest.mark.long
def test_every_record_of_every_documented_page_is_found_and_no_character_is_lost(browser, address):
    assert len(PAGES) > 10
    with opened(browser, address) as (page, _):
        for file in PAGES:
            _holds(page, file)


@pytest.mark.long
def test_text_that_looks_like_brackets_is_text(browser, address):
    with opened(browser, address) as (page, _):
        text, record = page.evaluate(LAID_OUT, [TRICKY, 1])
    assert "".join(text.split()) == "".join(TRICKY.split())
    assert json.loads(record) == records({**json.loads(TRICKY), "rows": []})[0]


def _holds(page, file: Path) -> None:
    received = file.read_text()
    known = records(json.loads(received))
    for number, one in enumerate(known, start=1):
        text, record = page.evaluate(LAID_OUT, [received, number])
        assert "".join(text.split()) == "".join(received.split()), file
        assert json.loads(record) == one, (file, number)
    assert page.evaluate(LAID_OUT, [received, len(known) + 1])[1] is None
