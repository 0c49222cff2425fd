"""The README says what is declared, and its figures are the ones that the demo gives."""

import re
from datetime import UTC, date, datetime

from aispend_pipeline import money
from aispend_pipeline.simulator import organisation

from .readme import README, written

LATER = datetime(2027, 1, 1, tzinfo=UTC)
ROW = re.compile(r"^ ([0-9-]{10})  (\w+) +([0-9,.]+) ", re.MULTILINE)


def test_the_tables_are_what_is_declared():
    assert README.read_text() == written(README.read_text())


def test_the_figures_shown_are_the_demos():
    rows = ROW.findall(README.read_text())
    assert len(rows) == 6
    for day, account, usd in rows:
        billed = organisation.total(account, iter([date.fromisoformat(day)]), LATER)
        assert usd == money.on_screen(billed), (day, account)


def test_every_file_that_it_names_is_there():
    root = README.parent
    for name in re.findall(r"`((?:aispend_pipeline/)?[a-z_]+/(?:[a-z_]+\.py)?)`", README.read_text()):
        assert (root / name).exists() or (root / "aispend_pipeline" / name).exists(), name
