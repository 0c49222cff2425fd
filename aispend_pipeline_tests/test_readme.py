"""The README says what is declared, and its figures are the ones that the demo gives."""

import re
from datetime import UTC, date, datetime

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline.warehouse.reads import DIMENSIONS

from .readme import README, written

LATER = datetime(2027, 1, 1, tzinfo=UTC)
DAYS = Window(date(2026, 11, 18), date(2026, 11, 20))
ROW = re.compile(r"^ (openai|anthropic|vertex) +([\w-]+) +([0-9,.]+) ", re.MULTILINE)


def test_the_tables_are_what_is_declared():
    assert README.read_text() == written(README.read_text())


def test_the_figures_shown_are_the_demos():
    rows = ROW.findall(README.read_text())
    assert len(rows) == 7
    for provider, account, usd in rows:
        billed = organisation.total(provider, account, DAYS.days(), LATER)
        assert usd == money.on_screen(billed), (provider, account)


def test_every_dimension_is_named():
    text = README.read_text()
    assert all(f"`{name}`" in text for name in DIMENSIONS)


def test_every_file_that_it_names_is_there():
    root = README.parent
    for name in re.findall(r"`((?:aispend_pipeline/)?[a-z_]+/(?:[a-z_]+\.py)?)`", README.read_text()):
        assert (root / name).exists() or (root / "aispend_pipeline" / name).exists(), name
