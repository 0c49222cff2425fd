"""A day keeps the prices it was estimated with; what has none is shown with its tokens, and looked up again."""

from decimal import Decimal

from aispend_pipeline.estimates import pricing
from aispend_pipeline.estimates.rates import Rate, price_list
from aispend_pipeline.model import Window
from aispend_pipeline_tests.rollup.conftest import NEXT
from aispend_pipeline_tests.warehouse.books import ANTHROPIC_USAGE, completions, messages, used
from aispend_pipeline_tests.warehouse.building import DAY, complete, line, look

from .figures import MILLION, while_open

UNPRICED = """
    SELECT service_tier, model, why, input_tokens, cached_input_tokens, output_tokens, other_units
    FROM unpriced_daily ORDER BY ALL
"""


def another_price_list(monkeypatch) -> str:
    """The list is another one from now on, and everything in it costs 7.00 a million; its name."""
    monkeypatch.setattr(pricing, "rate", lambda of, meter: Rate(Decimal("0.000007")))
    monkeypatch.setattr(pricing, "price_list", lambda: "genai-prices 99.0.0")
    return "genai-prices 99.0.0"


def test_another_price_list_changes_no_day_that_has_prices_and_prices_what_had_none(warehouse, book, monkeypatch):
    known, unknown = completions("gpt-4o", MILLION, 0), completions("gpt-99", MILLION, 0)
    book(used({DAY: [known, unknown]}))
    kept = "SELECT account, day, model, meter, usd, why, price_list FROM estimate ORDER BY ALL"
    assert look(warehouse, kept) == [
        ("default", DAY, "gpt-4o", "input", Decimal("2.5"), None, price_list()),
        ("default", DAY, "gpt-99", "input", None, "no list price of model gpt-99", None),
    ]

    newer = another_price_list(monkeypatch)
    late = completions("gpt-4o", 2 * MILLION, MILLION)
    book(used({DAY: [known, unknown], NEXT: [known]}), used({DAY: [late]}, account="eu"))

    assert look(warehouse, kept) == [
        ("default", DAY, "gpt-4o", "input", Decimal("2.5"), None, price_list()),
        ("default", DAY, "gpt-99", "input", 7, None, newer),
        ("default", NEXT, "gpt-4o", "input", 7, None, newer),
        ("eu", DAY, "gpt-4o", "input", 5, None, price_list()),
        ("eu", DAY, "gpt-4o", "output", 7, None, newer),
    ]


SHOWN = [
    ("default", "gpt-99", "no list price of model gpt-99", 60, 40, 7, None),
    ("default", "gpt-audio-mini", "audio or images of model gpt-audio-mini have prices of their own,"
     " and are not told apart", 10, None, 5, None),
    ("default", "text-embedding-3-small", "no list price of output for model text-embedding-3-small",
     None, None, 3, None),
    ("default", "tts-99", "no list price of model tts-99", None, None, None, 123),
    ("default", None, "no model is named", 11, None, None, None),
    ("scale", "gpt-4o", "no list price of tier scale", 100, None, 20, None),
]  # fmt: skip
USED = [
    completions("gpt-99", 100, 7, input_cached_tokens=40),
    completions("gpt-audio-mini", 10, 5),
    completions("text-embedding-3-small", 0, 3),
    completions(None, 11, 0),
    completions("gpt-4o", 100, 20, service_tier="scale"),
    {**completions("tts-99", 0, 0), "object": "organization.usage.audio_speeches.result", "characters": 123},
]


def test_what_has_no_price_is_no_estimate_and_is_shown_until_the_bill_is_there(warehouse, book):
    book(used({DAY: USED}))
    assert look(warehouse, UNPRICED) == SHOWN
    assert look(warehouse, "SELECT DISTINCT usd, counted_usd, list_usd FROM estimate") == [(None, None, None)]
    assert look(warehouse, "SELECT DISTINCT estimated_usd FROM spend_daily") == [(None,)]

    book(complete({DAY: [line("3", "gpt-99")]}, at=while_open(DAY)))
    assert look(warehouse, UNPRICED) == SHOWN

    book(complete({DAY: [line("5", "gpt-99")]}))
    assert look(warehouse, UNPRICED) == []
    assert look(warehouse, "SELECT sum(quantity) FROM estimate WHERE usd IS NULL") == [(379,)]
    assert look(warehouse, "SELECT billed_usd FROM estimate_daily WHERE model = 'gpt-99'") == [(5,)]


def test_a_part_that_has_no_price_does_not_hide_the_parts_that_have_one(warehouse, book):
    book(used({DAY: [completions("gpt-4o", MILLION, 0), completions("gpt-4o", 9, 0, service_tier="scale")]}))

    assert look(warehouse, "SELECT estimated_usd, counted_usd, unpriced_units FROM estimate_daily") == [
        (Decimal("2.5"), Decimal("2.5"), 9)
    ]
    assert [row[:2] for row in look(warehouse, UNPRICED)] == [("scale", "gpt-4o")]


def test_what_no_bill_will_list_is_no_estimate_and_stays_shown(warehouse, book):
    flex = messages("claude-opus-4-5", 70, 7, service_tier="flex")
    book(used({DAY: [flex]}, ANTHROPIC_USAGE))

    assert look(warehouse, "FROM estimate") == []
    assert look(warehouse, UNPRICED) == [
        ("flex", "claude-opus-4-5", "no bill lists tier flex", 70, 0, 7, None),
    ]


def test_a_count_beyond_all_measure_has_no_price_and_stops_nothing(warehouse, book):
    book(
        used({DAY: [completions("gpt-4o", 10**23, MILLION), completions("o3", 10**15, 0)]}),
        complete({DAY: [line("1")]}, at=while_open(DAY)),
        window=Window(DAY, DAY),
    )

    assert look(warehouse, "SELECT model, quantity, usd, why FROM estimate ORDER BY ALL") == [
        ("gpt-4o", MILLION, 10, None),
        ("gpt-4o", 10**23, None, "more than any price is for"),
        ("o3", 10**15, None, "more than any price is for"),
    ]
    assert look(warehouse, "SELECT billed_usd, estimated_usd FROM spend_daily WHERE model = 'gpt-4o'") == [(1, 9)]
