"""The simulated OpenAI bills list prices less a discount, exactly."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from aispend_pipeline.model import Window
from aispend_pipeline.simulator import openai_books

from ..service.world import NOW

DAYS = Window(date(2026, 5, 28), NOW.date())
# What an account pays of the list price.
PART = {"default": Decimal("0.88"), "eu": Decimal(1)}
# List prices, USD a million of what the line counts, in force since 2026-10-14.
PRICES = {
    "gpt-5.6-sol, input": "4.00",
    "gpt-5.6-sol, cached input": "0.40",
    "gpt-5.6-sol, cache writes": "5.00",
    "gpt-5.6-sol, output": "20.00",
    "gpt-5.6-terra, input": "2.00",
    "gpt-5.6-terra, cached input": "0.20",
    "gpt-5.6-terra, output": "12.00",
    "priority | gpt-5.6-sol, input": "8.00",
    "priority | gpt-5.6-sol, output": "40.00",
    "priority | gpt-5.6-sol, output, long context": "60.00",
    "batch | gpt-5.4-2026-03-05, input": "1.25",
    "batch | gpt-5.4-2026-03-05, cached input": "0.13",
    "batch | gpt-5.4-2026-03-05, output": "7.50",
    "gpt-5.4-mini-2026-03-17, input": "0.75",
    "gpt-5.4-mini-2026-03-17, cached input": "0.075",
    "gpt-5.4-mini-2026-03-17, output": "4.50",
    "ft-gpt-4o-2024-08-06, input": "3.75",
    "ft-gpt-4o-2024-08-06, output": "15.00",
    "gpt-5.3-codex, input": "1.75",
    "gpt-5.3-codex, cached input": "0.175",
    "gpt-5.3-codex, output": "14.00",
    "o1-pro, input": "150.00",
    "o1-pro, output": "600.00",
    "evals | gpt-4o-mini-2024-07-18, input": "0.15",
    "evals | gpt-4o-mini-2024-07-18, output": "0.60",
    "text-embedding-3-small, input": "0.02",
    "gpt-image-1 image, output": "40.00",
    "gpt-image-1 text, input": "5.00",
    "gpt-audio-mini-2025-12-15 audio, input": "10.00",
    "whisper": "100.00",  # 0.36 an hour
    "web search tool calls": "10000.00",
    "Vector storage": "4166.6666666667",  # 0.10 a day
}


@pytest.mark.parametrize(
    ("key_id", "line_item", "quantity", "usd"),
    [
        ("key_web", "gpt-5.6-sol, input", 27_187_466, "95.69988032"),  # 4.00 a million, less 12 %
        ("key_web", "priority | gpt-5.6-sol, output", 855_338, "30.1078976"),  # 40.00
        ("key_web", "priority | gpt-5.6-sol, output, long context", 1_075_457, "56.7841296"),  # 60.00
        ("key_batch", "batch | gpt-5.4-2026-03-05, cached input", 352_850_545, "40.366102348"),  # 0.13
        ("key_web", "web search tool calls", 2_345, "20.636"),  # 10.00 a thousand
        ("key_helpdesk", "gpt-5.6-terra, output", 18_950_961, "227.411532"),  # 12.00, less nothing
        ("key_helpdesk", "gpt-5.6-terra, input", 44_560_749, "89.121498"),  # 2.00; 10,000,000 more were free
    ],
)
def test_a_line_is_what_one_works_out_by_hand(key_id, line_item, quantity, usd):
    found = [
        (line.quantity, line.amount)
        for account in PART
        for line in openai_books.lines(account, date(2026, 11, 10), datetime(2026, 11, 11, tzinfo=UTC))
        if (line.api_key_id, line.line_item) == (key_id, line_item)
    ]

    assert found == [(quantity, Decimal(usd))]


@pytest.mark.parametrize("account", PART)
def test_every_amount_is_the_list_price_less_the_discount_exactly_and_a_credit_is_whole(account):
    lines = [line for day in DAYS.days() for line in openai_books.lines(account, day, NOW)]

    assert [line.amount for line in lines if line.line_item == "Promotional credit"] == [Decimal("-25.00")]
    for line in (line for line in lines if line.line_item != "Promotional credit"):
        assert line.amount * 1_000_000 == Decimal(PRICES[line.line_item]) * PART[account] * line.quantity
        assert line.amount.as_tuple().exponent >= -18
