"""The tables say what is declared, and the figures that are shown are the ones that the demo gives."""

import re
from datetime import UTC, date, datetime

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline.warehouse.reads import DIMENSIONS

from .readme import DOCS, WRITTEN, written

LATER = datetime(2027, 1, 1, tzinfo=UTC)
DAYS = Window(date(2026, 11, 18), date(2026, 11, 20))
ROW = re.compile(r"^ (openai|anthropic|vertex) +([\w-]+) +([0-9,.]+) ", re.MULTILINE)


def test_the_tables_are_what_is_declared():
    for page in WRITTEN:
        assert page.read_text() == written(page.read_text()), page.name


def test_the_figures_shown_are_the_demos():
    rows = ROW.findall((DOCS / "figures.md").read_text())
    assert len(rows) == 7
    for provider, account, usd in rows:
        billed = organisation.total(provider, account, DAYS.days(), LATER)
        assert usd == money.on_screen(billed), (provider, account)


def test_every_dimension_is_named():
    text = (DOCS / "api.md").read_text()
    assert all(f"`{name}`" in text for name in DIMENSIONS)
