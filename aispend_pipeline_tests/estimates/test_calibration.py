"""New estimates are multiplied by what was billed for their model lately over its list price; the bill keeps them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline_tests.rollup.conftest import ALL, NEXT, THIRD
from aispend_pipeline_tests.warehouse.books import ANTHROPIC_USAGE, completions, messages, searches, used
from aispend_pipeline_tests.warehouse.building import DAY, complete, line, look, store

from .figures import MILLION, soon, while_open

# Input of a million tokens at 2.50.
AT_LIST = completions("gpt-4o", MILLION, 0)
PAID = line("2.20")
RATIOS = "SELECT day, model, ratio, estimated_usd FROM estimate_daily WHERE account = '{}' ORDER BY ALL"
OF_THIRD = f"SELECT model, ratio, estimated_usd FROM estimate_daily WHERE day = '{THIRD}' ORDER BY ALL"
TWELVE_OFF = Decimal("0.88")


def test_a_discount_of_twelve_percent_is_learnt_from_the_bill_and_a_new_model_is_at_list(warehouse, book):
    book(
        complete({DAY: [PAID], NEXT: [PAID]}),
        used({DAY: [AT_LIST], NEXT: [AT_LIST], THIRD: [AT_LIST, completions("o3", MILLION, 0)]}),
    )

    assert look(warehouse, RATIOS.format("default")) == [
        (DAY, "gpt-4o", 1, Decimal("2.5")),
        (NEXT, "gpt-4o", 1, Decimal("2.5")),
        (THIRD, "gpt-4o", TWELVE_OFF, Decimal("2.2")),
        (THIRD, "o3", 1, 2),
    ]
    assert look(warehouse, f"SELECT list_usd, counted_usd FROM estimate_daily WHERE day = '{THIRD}' ORDER BY ALL") == [
        (2, 2),
        (Decimal("2.5"), Decimal("2.2")),
    ]


def test_what_was_estimated_before_the_bill_came_is_kept_however_the_bill_turns_out(warehouse, book, clock):
    book(complete({DAY: [PAID]}), used({DAY: [AT_LIST], NEXT: [AT_LIST]}))

    book(complete({NEXT: [line("1.25")]}), used({THIRD: [AT_LIST]}))
    assert look(warehouse, RATIOS.format("default")) == [
        (DAY, "gpt-4o", 1, Decimal("2.5")),
        (NEXT, "gpt-4o", TWELVE_OFF, Decimal("2.2")),
        (THIRD, "gpt-4o", Decimal("0.69"), Decimal("1.725")),
    ]

    add_up(warehouse, ALL, clock, calibrated=False)
    assert look(warehouse, RATIOS.format("default")) == [
        (DAY, "gpt-4o", 1, Decimal("2.5")),
        (NEXT, "gpt-4o", TWELVE_OFF, Decimal("2.2")),
        (THIRD, "gpt-4o", 1, Decimal("2.5")),
    ]


def test_use_that_becomes_known_late_is_estimated_with_the_ratio_that_was_kept(warehouse, book):
    book(complete({DAY: [PAID]}), used({DAY: [AT_LIST], NEXT: [AT_LIST]}))
    book(complete({NEXT: [line("9")]}), used({NEXT: [AT_LIST, AT_LIST]}))

    assert look(warehouse, RATIOS.format("default"))[1:] == [(NEXT, "gpt-4o", TWELVE_OFF, Decimal("4.4"))]


# Bills of `NEXT` that teach nothing: what is billed there is half of the list price.
HALF = line("1.25")
TEACHES_NOTHING = {
    "it is over and not settled": {"at": soon(NEXT)},
    "it was running": {"at": while_open(NEXT)},
}


def test_only_settled_days_of_the_same_account_and_model_teach(warehouse, book):
    bills = [complete({NEXT: [HALF]}, account=account, **more) for account, more in TEACHES_NOTHING.items()]
    bills += [complete({NEXT: [HALF]}, account="settled"), complete({NEXT: [line("1.25", "o3")]}, account="o3")]
    accounts = [*TEACHES_NOTHING, "settled", "o3", "no bill"]
    store(warehouse, *bills)
    store(warehouse, *(used({NEXT: [AT_LIST], THIRD: [AT_LIST]}, account=account) for account in accounts))
    book()

    found = look(warehouse, f"SELECT account, ratio FROM estimate_daily WHERE day = '{THIRD}'")
    # Nothing was billed for gpt-4o where all of the bill is for o3: a ratio of nothing is none.
    assert dict(found) == {**dict.fromkeys(accounts, 1), "settled": Decimal("0.5")}


def test_a_day_teaches_those_after_it_alone(warehouse, book):
    book(complete({NEXT: [HALF]}), used({DAY: [AT_LIST], NEXT: [AT_LIST], THIRD: [AT_LIST]}))

    ratios = [row[2] for row in look(warehouse, RATIOS.format("default"))]
    assert ratios == [1, 1, Decimal("0.5")]


def test_a_bill_of_which_something_could_not_be_read_teaches_nothing(warehouse, clock):
    store(warehouse, complete({DAY: [HALF, line("oops")]}, faulty=[DAY]), used({DAY: [AT_LIST], NEXT: [AT_LIST]}))
    add_up(warehouse, ALL, clock)

    assert [row[2] for row in look(warehouse, RATIOS.format("default"))] == [1, 1]


def test_a_day_with_use_that_has_no_price_teaches_nothing(warehouse, book):
    scale = completions("gpt-4o", MILLION, 0, service_tier="scale")
    book(
        complete({DAY: [line("50")], NEXT: [PAID]}),
        used({DAY: [AT_LIST, scale], NEXT: [AT_LIST], THIRD: [AT_LIST, scale]}),
    )

    assert look(warehouse, OF_THIRD) == [("gpt-4o", TWELVE_OFF, Decimal("2.2"))]


def test_the_newest_fourteen_settled_days_teach_and_within_bounds(warehouse, book):
    days = [DAY + timedelta(days=n) for n in range(17)]
    bills = {"dear": ["5"] * 2 + ["1.25"] * 14, "mistaken": ["1000"] * 16, "next to nothing": ["0.01"] * 16}
    for account, of_days in bills.items():
        store(warehouse, complete({day: [line(usd)] for day, usd in zip(days, of_days, strict=False)}, account=account))
        store(warehouse, used({day: [AT_LIST] for day in days}, account=account))
    book(window=Window(days[0], days[-1]))

    found = look(warehouse, f"SELECT account, ratio FROM estimate_daily WHERE day = '{days[-1]}'")
    assert dict(found) == {"dear": Decimal("0.5"), "mistaken": 2, "next to nothing": Decimal("0.25")}


WHISPER = {
    **completions("whisper-1", 0, 0),
    "object": "organization.usage.audio_transcriptions.result",
    "seconds": 25_000,
}
# A model's name on the bill, what is billed for it a day, and its use: a fifth above, at list price.
RENAMED = {
    "gpt-4o": ("2", AT_LIST | {"model": "gpt-4o-2024-08-06"}),
    "gpt-4.1-2025-04-14": ("1.6", completions("gpt-4.1", MILLION, 0)),
    "ft-gpt-4o-2024-08-06": ("3", completions("ft:gpt-4o-2024-08-06:acme::9Xy", MILLION, 0)),
    "whisper": ("2", WHISPER),
    "gpt-4-turbo": ("8", completions("gpt-4-turbo", MILLION, 0)),
}


def test_a_model_that_the_bill_names_differently_learns_and_keeps_what_it_learnt(warehouse, book):
    paid = [
        line(usd, line_item=model if model == "whisper" else f"{model}, input") for model, (usd, _) in RENAMED.items()
    ]
    uses = [use for _, use in RENAMED.values()]
    book(complete({DAY: paid}), used({DAY: uses, NEXT: uses}))

    of_next = f"SELECT model, ratio, usd FROM estimate WHERE day = '{NEXT}' ORDER BY ALL"
    learnt = sorted((use["model"], Decimal("0.8"), Decimal(usd)) for usd, use in RENAMED.values())
    assert look(warehouse, of_next) == learnt

    book(complete({NEXT: paid}))
    assert look(warehouse, of_next) == learnt
    assert look(warehouse, f"SELECT model, estimated_usd FROM estimate_daily WHERE day = '{NEXT}' ORDER BY ALL") == [
        (model, Decimal(usd)) for model, (usd, _) in sorted(RENAMED.items())
    ]


def test_a_search_is_always_at_list_price(warehouse, clock):
    cent = searches("gpt-4o", 1, 0)
    store(
        warehouse,
        complete({DAY: [line("0.005", line_item="web search tool calls"), PAID]}),
        used({DAY: [cent, AT_LIST], NEXT: [cent, AT_LIST]}),
    )
    add_up(warehouse, ALL, clock)

    found = look(warehouse, f"SELECT meter, ratio, usd FROM estimate WHERE day = '{NEXT}' ORDER BY ALL")
    assert found == [("input", TWELVE_OFF, Decimal("2.2")), ("web_search", 1, Decimal("0.01"))]


COUNTED = "SELECT provider, account, day, model, billed_usd, estimated_usd FROM spend_daily ORDER BY ALL"


@pytest.mark.parametrize(("calibrated", "times"), [(True, 2), (False, 1)])
def test_days_added_up_one_by_one_come_to_the_same_as_all_together(warehouse, clock, calibrated, times):
    """What is learnt from a day is learnt once it was added up: the next time at the latest."""
    used_ = {day: [AT_LIST, completions("o3", 77, 7)] for day in (DAY, NEXT)}
    bills = [complete({DAY: [PAID]}, account=account) for account in ("default", "eu")]
    usage = [
        used(used_),
        used(used_, account="eu"),
        used({NEXT: [messages("claude-opus-4-5", 70, 7)]}, ANTHROPIC_USAGE),
    ]
    store(warehouse, *[*bills, complete({NEXT: [line("0.4")]}, at=while_open(NEXT), account="eu"), *usage])
    for day in (NEXT, DAY) * times:
        add_up(warehouse, Window(day, day), clock, calibrated=calibrated)
    one_by_one = look(warehouse, COUNTED)

    add_up(warehouse, ALL, clock, calibrated=calibrated)

    assert look(warehouse, COUNTED) == one_by_one
    assert len(one_by_one) == 9
