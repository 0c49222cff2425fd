"""What is used and not billed yet is priced at list, counts until the bill is there, and stays on record beside it."""

from datetime import timedelta
from decimal import Decimal

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline_tests.rollup.conftest import NEXT
from aispend_pipeline_tests.warehouse.books import (
    ANTHROPIC_COSTS,
    ANTHROPIC_USAGE,
    OPENAI_USAGE,
    billed,
    charge,
    completions,
    messages,
    refused,
    searches,
    used,
)
from aispend_pipeline_tests.warehouse.building import DAY, LATER, complete, failed, line, look, store

from .figures import MILLION, NOVEMBER, estimated, for_good, priced, soon, sums, while_open

# 600,000 tokens at 2.50 a million, 400,000 cached at 1.25, and 100,000 of output at 10.00: 1.50 + 0.50 + 1.00.
THREE_DOLLARS = completions("gpt-4o", MILLION, 100_000, input_cached_tokens=400_000)
OF_NOVEMBER = Window(NOVEMBER, NOVEMBER)


def test_a_day_without_a_bill_is_estimated_at_list_price(warehouse, book):
    book(used({DAY: [THREE_DOLLARS]}))

    assert priced(warehouse) == {
        ("gpt-4o", "input"): (600_000, Decimal("1.50")),
        ("gpt-4o", "cached_input"): (400_000, Decimal("0.50")),
        ("gpt-4o", "output"): (100_000, Decimal("1.00")),
    }
    assert sums(warehouse) == {"gpt-4o": (None, 3)}
    assert look(warehouse, "FROM spend") == []


# What the bill says while the day runs; and of each model, billed and counted beside it.
GROWING = {
    "it does not have the model yet": ([line("7", "o3")], {"gpt-4o": (None, 3), "o3": (7, None)}),
    "it has a part": ([line("1.25")], {"gpt-4o": (Decimal("1.25"), Decimal("1.75"))}),
    "it has a part in several lines": ([line("0.25"), line("1")], {"gpt-4o": (Decimal("1.25"), Decimal("1.75"))}),
    "it has as much": ([line("3")], {"gpt-4o": (3, None)}),
    "it has more": ([line("3.01")], {"gpt-4o": (Decimal("3.01"), None)}),
    "a credit is no usage line": ([line("1"), line("-5")], {"gpt-4o": (-4, 2)}),
    "what it lacks of one is not made up by another": (
        [line("1"), line("100", "o3")],
        {"gpt-4o": (1, 2), "o3": (100, None)},
    ),
    "nor by what has no model": ([line("50", None)], {None: (50, None), "gpt-4o": (None, 3)}),
    "it has nothing": ([], {"gpt-4o": (None, 3)}),
}


def test_of_a_bill_that_grows_only_what_it_lacks_counts_model_by_model(warehouse, book):
    """Every case is an account of its own."""
    bills = (complete({DAY: bill}, at=while_open(DAY), account=name) for name, (bill, _) in GROWING.items())
    store(warehouse, *[*bills, *(used({DAY: [THREE_DOLLARS]}, account=name) for name in GROWING)])
    book()

    assert {name: sums(warehouse, name) for name in GROWING} == {name: shown for name, (_, shown) in GROWING.items()}
    for name, (_, shown) in GROWING.items():
        counts = shown["gpt-4o"][1] or 0
        assert ("gpt-4o", "open", 3, counts) in estimated(warehouse, name)
        assert look(warehouse, f"SELECT sum(counted_usd) FROM estimate WHERE account = '{name}'") == [(counts,)]


def test_the_bill_replaces_the_estimate_and_both_stay_on_record(warehouse, book):
    accounts = {f"{usd} {read.__name__}": (read, usd) for read in (soon, for_good) for usd in ("2", "3", "4")}
    store(warehouse, *(used({DAY: [THREE_DOLLARS]}, account=account) for account in accounts))
    book()
    bills = (complete({DAY: [line(usd)]}, at=read(DAY), account=name) for name, (read, usd) in accounts.items())
    store(warehouse, *bills)
    book()

    for account, (read, usd) in accounts.items():
        assert sums(warehouse, account) == {"gpt-4o": (Decimal(usd), None)}
        assert estimated(warehouse, account) == [("gpt-4o", "billed" if read is soon else "settled", 3, 0)]
    assert look(warehouse, "SELECT DISTINCT counted_usd FROM estimate") == [(0,)]
    assert look(warehouse, "SELECT account, billed_usd FROM estimate_daily ORDER BY ALL") == [
        (account, Decimal(usd)) for account, (_, usd) in sorted(accounts.items())
    ]


def test_a_bill_that_is_there_replaces_all_of_a_day_also_what_it_does_not_name(warehouse, book):
    book(complete({DAY: [line("1", "o3")]}), used({DAY: [THREE_DOLLARS]}))

    assert sums(warehouse) == {"gpt-4o": (None, None), "o3": (1, None)}


def test_a_bill_of_which_something_could_not_be_read_is_one_that_grows(warehouse, clock):
    store(warehouse, complete({DAY: [line("1"), line("oops")]}, faulty=[DAY]), used({DAY: [THREE_DOLLARS]}))
    add_up(warehouse, Window(DAY, DAY), clock)

    assert look(warehouse, "SELECT DISTINCT state FROM coverage WHERE source = 'openai_costs'") == [("partial",)]
    assert sums(warehouse) == {"gpt-4o": (1, 2)}


def test_a_day_whose_bill_could_not_be_read_is_one_without_a_bill(warehouse, book):
    book(failed(Window(DAY, DAY)), used({DAY: [THREE_DOLLARS]}))
    assert sums(warehouse) == {"gpt-4o": (None, 3)}

    book(complete({DAY: [line("1")]}))
    book(failed(Window(DAY, DAY)))
    assert sums(warehouse) == {"gpt-4o": (1, None)}


def test_a_bill_is_that_of_its_provider_account_and_day(warehouse, book):
    book(
        complete({DAY: [line("3")]}),
        used({DAY: [THREE_DOLLARS], NEXT: [THREE_DOLLARS]}),
        used({DAY: [THREE_DOLLARS]}, account="eu"),
        used({DAY: [messages("claude-opus-4-5", MILLION, 0)]}, ANTHROPIC_USAGE),
        refused(ANTHROPIC_COSTS, Window(DAY, DAY)),
    )

    assert look(
        warehouse, "SELECT provider, account, day, billed_usd, estimated_usd FROM spend_daily ORDER BY ALL"
    ) == [
        ("anthropic", "default", DAY, None, 5),
        ("openai", "default", DAY, 3, None),
        ("openai", "default", NEXT, None, 3),
        ("openai", "eu", DAY, None, 3),
    ]


def test_a_bill_stands_beside_usage_that_could_not_be_read(warehouse, book):
    book(complete({DAY: [line("1")]}), refused(OPENAI_USAGE, Window(DAY, DAY)))

    assert sums(warehouse) == {"gpt-4o": (1, None)}
    assert look(warehouse, "FROM estimate") == look(warehouse, "FROM estimate_daily") == []


# A million tokens of input to gpt-5.6-sol, by tier.
TIERS = {"default": 4, "batch": 2, "flex": 2, "priority": 8, "fast": 8, "scale": None}


def test_every_tier_has_a_price_of_its_own_or_none(warehouse, book):
    asked = [{"batch": True, "service_tier": None} if tier == "batch" else {"service_tier": tier} for tier in TIERS]
    used_ = [completions("gpt-5.6-sol", MILLION, 0, **of) for of in asked]
    book(used({NOVEMBER: used_}, at=soon(NOVEMBER)), window=OF_NOVEMBER)

    assert dict(look(warehouse, "SELECT service_tier, usd FROM estimate")) == TIERS


def test_anthropics_tiers_contexts_and_places_have_prices_of_their_own(warehouse, book):
    used_ = [
        messages("claude-opus-5-5", MILLION, 0),  # 4.00
        messages("claude-opus-5-5", MILLION, 0, service_tier="batch"),  # 2.00
        messages("claude-opus-5-5", MILLION, 0, inference_geo="us"),  # 4.40
        messages("claude-sonnet-4-5", MILLION, 0),  # 3.00
        messages("claude-sonnet-4-5", MILLION, 0, context_window="200k-1M"),  # 6.00
        messages("claude-opus-5-5", MILLION, 0, service_tier="priority"),  # no bill lists it
    ]
    book(used({NOVEMBER: used_}, ANTHROPIC_USAGE, at=soon(NOVEMBER)), window=OF_NOVEMBER)

    assert look(warehouse, "SELECT usd FROM estimate ORDER BY bucket_start") == [
        *((Decimal(usd),) for usd in ("4", "2", "4.4", "3", "6"))
    ]


def test_cache_writes_of_five_minutes_and_of_an_hour_have_prices_of_their_own(warehouse, book):
    writes = {"ephemeral_5m_input_tokens": MILLION, "ephemeral_1h_input_tokens": 2 * MILLION}
    used_ = [messages("claude-opus-5-5", 0, 0, cached=3 * MILLION, cache_creation=writes)]
    book(used({NOVEMBER: used_}, ANTHROPIC_USAGE, at=soon(NOVEMBER)), window=OF_NOVEMBER)

    assert priced(warehouse) == {
        ("claude-opus-5-5", "cache_write"): (MILLION, 5),
        ("claude-opus-5-5", "cache_write_1h"): (2 * MILLION, 16),
        ("claude-opus-5-5", "cached_input"): (3 * MILLION, Decimal("0.6")),
    }


def test_audio_and_images_are_priced_apart_from_the_text_beside_them(warehouse, book):
    """The counts of a documented answer; all are millionths of a dollar."""
    parts = {"input_cached_tokens": 1800, "input_cache_write_tokens": 200, "input_uncached_tokens": 3000}
    audio = {"input_audio_tokens": 300, "input_cached_audio_tokens": 100, "output_audio_tokens": 100}
    images = {"input_image_tokens": 200, "input_cached_image_tokens": 200, "output_image_tokens": 100}
    book(used({DAY: [completions("gpt-realtime", 5000, 1000, **parts, **audio, **images)]}))

    assert {meter: (n, usd * MILLION) for (_, meter), (n, usd) in priced(warehouse).items()} == {
        "input": (2500, 2500 * 4),
        "input_audio": (300, 300 * 32),
        "input_image": (200, 200 * 5),
        "cached_input": (1500, 600),
        "cached_input_audio": (100, 40),
        "cached_input_image": (200, 100),
        "cache_write": (200, 200 * 4),
        "output": (800, 800 * 16),
        "output_audio": (100, 100 * 64),
        "output_image": (100, 100 * 16),
    }


def test_a_search_is_a_cent_and_is_billed_without_a_model(warehouse, clock):
    store(
        warehouse,
        complete({DAY: [line("0.05", line_item="web search tool calls")]}, at=while_open(DAY)),
        used({DAY: [searches("gpt-4o", 12, 4)]}),
        billed({DAY: [charge("3", None, token_type=None, cost_type="web_search")]}, at=while_open(DAY)),
        used({DAY: [messages("claude-opus-4-5", 0, 0, server_tool_use={"web_search_requests": 7})]}, ANTHROPIC_USAGE),
    )
    add_up(warehouse, Window(DAY, DAY), clock)

    sums_of_none = "SELECT provider, billed_usd, estimated_usd FROM spend_daily WHERE model IS NULL ORDER BY ALL"
    assert look(warehouse, sums_of_none) == [
        ("anthropic", Decimal("0.03"), Decimal("0.04")),
        ("openai", Decimal("0.05"), Decimal("0.07")),
    ]
    assert look(warehouse, "SELECT model, shown_as, meter, quantity FROM estimate ORDER BY ALL") == [
        ("claude-opus-4-5", None, "web_search", 7),
        ("gpt-4o", None, "web_search", 12),
    ]


def test_a_day_s_sum_is_not_priced_as_if_it_were_one_long_request(warehouse, book):
    """A request of more than 272,000 tokens costs twice as much; a day of small ones does not."""
    book(used({NOVEMBER: [completions("gpt-5.6-sol", 10 * MILLION, MILLION)]}, at=soon(NOVEMBER)), window=OF_NOVEMBER)

    assert sums(warehouse) == {"gpt-5.6-sol": (None, 10 * 4 + 20)}


def test_use_that_becomes_known_after_the_bill_changes_the_estimate_on_record_and_nothing_that_counts(warehouse, book):
    book(complete({DAY: [line("2.5")]}), used({DAY: [THREE_DOLLARS]}))
    book(used({DAY: [THREE_DOLLARS, THREE_DOLLARS]}, at=LATER + timedelta(days=1)))

    assert estimated(warehouse) == [("gpt-4o", "settled", 6, 0)]
    assert sums(warehouse) == {"gpt-4o": (Decimal("2.5"), None)}


def test_use_that_turns_out_to_be_none_is_no_estimate_any_more(warehouse, book):
    book(used({DAY: [THREE_DOLLARS]}))
    book(used({DAY: []}))

    for table in ("estimate", "estimate_daily", "spend_daily", "spend_hourly"):
        assert look(warehouse, f"FROM {table}") == []


TABLES = ["estimate", "estimate_daily", "spend_daily", "spend_hourly", "unpriced_daily", "allocated", "usage_model"]


def test_recomputing_makes_the_same_rows_byte_for_byte(warehouse, book, clock):
    book(
        complete({DAY: [line("2", "gpt-4o")]}),
        complete({NEXT: [line("1")]}, at=while_open(NEXT)),
        billed({DAY: [charge("5", "claude-opus-4-5")]}),
        used({day: [THREE_DOLLARS, completions("gpt-99", 5, 5), searches("o3", 3, 1)] for day in (DAY, NEXT)}),
        used({day: [messages("claude-opus-4-5", 70, 7)] * 3 for day in (DAY, NEXT)}, ANTHROPIC_USAGE),
    )
    before = [look(warehouse, f"FROM {table} ORDER BY ALL") for table in TABLES]
    clock.instant += timedelta(days=30)

    book(window=Window(NEXT, NEXT))
    book()

    assert [look(warehouse, f"FROM {table} ORDER BY ALL") for table in TABLES] == before
    assert all(before)
