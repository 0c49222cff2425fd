"""Questions in detail: whatever they are grouped by, money and tokens add up to the same, and ids have names."""

import random
from datetime import timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline.model import Window
from aispend_pipeline.names import kept
from aispend_pipeline.names.lists import Kind
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.reads import (
    DIMENSIONS,
    HOUR,
    MOST_RESTATEMENTS,
    OF_THE_BILL,
    TOKENS,
    Answer,
    Question,
    ask,
    unfit,
)

from .books import ANTHROPIC_USAGE, billed, charge, completions, images, messages, searches, stored_bytes, used
from .building import DAY, LATER, SetClock, complete, line, store

NEXT = DAY + timedelta(days=1)
BOTH = Window(DAY, NEXT)
OF_THE_ROWS = tuple(name for name in DIMENSIONS if name != HOUR)
NOT_OF_THE_BILL = [name for name in OF_THE_ROWS if name not in OF_THE_BILL]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Warehouse:
    """Both providers with both books on `DAY`, the bills alone on `NEXT`, and names of some ids."""
    clock = SetClock()
    warehouse = Warehouse(tmp_path_factory.mktemp("detail") / "home", clock)
    counted = {"quantity": 1000, "quantity_unit": "tokens"}
    store(
        warehouse,
        complete(
            {
                DAY: [line("10", **counted, api_key_id="key_1"), line("-0.75", "o3"), line("1", None, project_id=None)],
                NEXT: [
                    line("2", **counted),
                    line("3", line_item="gpt-4o, output", quantity=50, quantity_unit="tokens"),
                ],
            }
        ),
        complete({DAY: [line("100", project_id="proj_eu"), line("9", currency="eur")]}, account="eu"),
        used(
            {
                DAY: [
                    completions("gpt-4o-2024-08-06", 900, 40, requests=3),
                    completions("o3", 70, 0, requests=2, service_tier="priority", project_id="proj_2"),
                    images("gpt-image-1", 5, api_key_id=None),
                    searches("gpt-4o-2024-08-06", 12, 2),
                    stored_bytes(10**12),
                ]
            }
        ),
        billed(
            {
                DAY: [charge("250"), charge("50", token_type="uncached_input_tokens", workspace_id="wrkspc_1")],
                NEXT: [charge("5", None, token_type=None, description="Web Search Usage")],
            }
        ),
        used(
            {
                DAY: [
                    messages("claude-sonnet-4-5", 11, 5),
                    messages("claude-sonnet-4-5", 30, 7, service_tier="priority", workspace_id="wrkspc_1"),
                ]
            },
            ANTHROPIC_USAGE,
        ),
    )
    add_up(warehouse, BOTH, clock)
    named = {
        ("openai", "default"): {
            (Kind.PROJECT, "proj_1"): "Search",
            (Kind.API_KEY, "key_1"): "ci",
        },
        ("anthropic", "default"): {(Kind.WORKSPACE, "wrkspc_1"): "Research", (Kind.API_KEY, "apikey_1"): "prod"},
    }
    with warehouse.write(publish=True) as transaction:
        for account, names in named.items():
            kept.store(transaction, account, names, LATER, None)
    return warehouse


@pytest.fixture(scope="module")
def cursor(world):
    with Snapshots(world.home).current()[1] as cursor:
        yield cursor


def asked(cursor, *group_by: str, window: Window = BOTH, **filters) -> Answer:
    return ask(cursor, Question(window, group_by, **filters), [], LATER.date())


def totals(answer: Answer) -> dict[str, object]:
    """Money and counts of all rows together."""
    found: dict[str, object] = {"usd": sum((row.usd or Decimal(0) for row in answer.rows), Decimal(0))}
    found["lines"] = sum(row.lines for row in answer.rows)
    return found | {name: sum(row.counts[name] or 0 for row in answer.rows) for name in TOKENS}


def by(answer: Answer, name: str, figure: str) -> dict[object, object]:
    return {row.keys[name]: row.usd if figure == "usd" else row.counts[figure] for row in answer.rows}


ALL_TOGETHER = {
    "usd": Decimal("118.30"),
    "lines": 10,
    "input_tokens": 900 + 70 + 1000 + 41,
    "cached_input_tokens": 0,
    "cache_write_tokens": 0,
    "output_tokens": 40 + 50 + 12,
    "requests": 3 + 2 + 1,
}
SOME = [*combinations(NOT_OF_THE_BILL, 1), *combinations(NOT_OF_THE_BILL, 2), tuple(NOT_OF_THE_BILL)]


@pytest.mark.parametrize("group_by", [()] + [g for g in SOME if "source" not in g], ids=lambda g: "+".join(g) or "-")
def test_every_grouping_adds_up_to_the_same(cursor, group_by):
    answer = asked(cursor, *group_by)

    assert totals(answer) == ALL_TOGETHER
    assert answer.total_usd == ALL_TOGETHER["usd"]
    assert all(tuple(row.keys) == group_by for row in answer.rows)
    assert len({tuple(row.keys.values()) for row in answer.rows}) == len(answer.rows)


BY_HOUR = [(HOUR, *others) for others in [(), *combinations(NOT_OF_THE_BILL, 1)] if unfit((HOUR, *others)) is None]


@pytest.mark.parametrize("group_by", BY_HOUR, ids="+".join)
def test_by_the_hour_it_adds_up_to_the_same(cursor, group_by):
    """A line that is spread over hours is in every one of them, so that lines do not add up."""
    answer = asked(cursor, *group_by)

    assert totals(answer) | {"lines": 10} == ALL_TOGETHER
    assert answer.total_usd == ALL_TOGETHER["usd"]
    assert len({tuple(row.keys.values()) for row in answer.rows}) == len(answer.rows)


@pytest.mark.parametrize("group_by", [g for g in SOME if "source" in g], ids="+".join)
def test_sources_speak_for_themselves(cursor, group_by):
    answer = asked(cursor, *group_by)

    assert totals(answer) == {**ALL_TOGETHER, "input_tokens": ALL_TOGETHER["input_tokens"] + 1000}
    assert {(row.keys["source"], row.lines > 0) for row in answer.rows} == {
        ("openai_costs", True),
        ("openai_usage", False),
        ("anthropic_costs", True),
        ("anthropic_usage", False),
    }


OF_BILL = [g for n in (1, 2) for g in combinations(OF_THE_ROWS, n) if {*g} & {*OF_THE_BILL}] + [OF_THE_ROWS]


@pytest.mark.parametrize("group_by", OF_BILL, ids="+".join)
def test_line_items_and_token_types_count_the_bills_tokens_alone(cursor, group_by):
    answer = asked(cursor, *group_by)

    bill = {"input_tokens": 2000, "output_tokens": 50, "requests": 0}
    assert totals(answer) == {**ALL_TOGETHER, **bill}
    assert answer.tokens_from == ["costs"]
    assert all(row.lines for row in answer.rows)


def test_grouped_by_model_in_detail_is_what_the_rollup_says(cursor):
    """The same question, once answered from the rollup and once from the rows."""
    rollup, rows = asked(cursor, "day", "model"), asked(cursor, "day", "model", "service_tier")
    for figure in ("usd", *TOKENS):
        added: dict[tuple, Decimal] = {}
        for row in rows.rows:
            value = row.usd if figure == "usd" else row.counts[figure]
            key = row.keys["day"], row.keys["model"]
            added[key] = added.get(key, 0) + (value or 0)
        told = {
            (row.keys["day"], row.keys["model"]): (row.usd if figure == "usd" else row.counts[figure]) or 0
            for row in rollup.rows
        }
        assert added == told


def test_projects_and_workspaces_have_names_and_the_default_workspace_its_own(cursor):
    for name in ("project", "workspace"):
        named = {(row.keys["provider"], row.keys[name]): row.names for row in asked(cursor, "provider", name).rows}
        assert named == {
            ("anthropic", "wrkspc_1"): {name: "Research"},
            ("anthropic", None): {name: "Default"},
            ("openai", "proj_1"): {name: "Search"},
            ("openai", "proj_2"): {name: None},
            ("openai", "proj_eu"): {name: None},
            ("openai", None): {name: None},
        }


def test_a_group_without_a_project_is_nobodys_default_if_it_is_of_several_providers(cursor):
    [nameless] = [row for row in asked(cursor, "workspace").rows if row.keys["workspace"] is None]
    assert nameless.names == {"workspace": None}


def test_keys_have_names_and_no_key_has_none(cursor):
    named = {row.keys["api_key"]: row.names["api_key"] for row in asked(cursor, "api_key").rows}
    assert named == {"key_1": "ci", "apikey_1": "prod", None: None}


def test_the_newest_name_is_shown(world):
    account, key = ("openai", "default"), (Kind.PROJECT, "proj_2")
    with world.write(publish=True) as transaction:
        kept.store(transaction, account, {key: "New"}, LATER + timedelta(days=1), None)
        kept.store(transaction, account, {key: "Old"}, LATER, None)

    with Snapshots(world.home).current()[1] as cursor:
        names = {row.keys["project"]: row.names["project"] for row in asked(cursor, "project").rows}

    assert names["proj_2"] == "New"


def test_openais_default_tier_is_the_one_that_its_bill_does_not_name(cursor):
    found = by(asked(cursor, "service_tier", providers=("openai",)), "service_tier", "input_tokens")
    assert found == {"priority": 70, None: 900 + 1000}


def test_what_will_never_be_priced_is_listed(cursor):
    [unpriced] = asked(cursor).unpriced

    assert unpriced[:4] == ("anthropic", "default", "priority", "claude-sonnet-4-5")
    assert (unpriced.input_tokens, unpriced.output_tokens) == (30, 7)


UNPRICED = [
    ({"providers": ("openai",)}, 0),
    ({"accounts": ("eu",)}, 0),
    ({"models": ("claude-sonnet-4-5",)}, 1),
    ({"models": ("gpt-4o",)}, 0),
    ({"window": Window(NEXT, NEXT)}, 0),
]


@pytest.mark.parametrize(("filters", "n"), UNPRICED)
def test_filters_hold_for_what_is_listed_too(cursor, filters, n):
    assert len(asked(cursor, **filters).unpriced) == n


BOOKS = [
    ({}, ["costs", "usage"]),
    ({"window": Window(DAY, DAY), "accounts": ("default",)}, ["usage"]),
    ({"window": Window(NEXT, NEXT)}, ["costs"]),
    ({"accounts": ("eu",)}, []),
]


@pytest.mark.parametrize(("filters", "books"), BOOKS)
def test_an_answer_says_which_books_its_tokens_are_from(cursor, filters, books):
    assert asked(cursor, "model", **filters).tokens_from == asked(cursor, "project", **filters).tokens_from == books


FILTERS = [
    ({"providers": ("anthropic",)}, "3.05"),
    ({"accounts": ("eu",)}, "100"),
    ({"models": ("gpt-4o",)}, "115"),
    ({"models": ("",)}, "1.05"),
    ({"window": Window(NEXT, NEXT)}, "5.05"),
    ({"providers": ("anthropic",), "models": ("gpt-4o",)}, "0"),
]


@pytest.mark.parametrize(("filters", "total"), FILTERS)
@pytest.mark.parametrize("group_by", [("project",), ("line_item", "day"), ("source",), ("model",)], ids="+".join)
def test_filters_let_through_the_same_whatever_the_grouping(cursor, filters, total, group_by):
    answer = asked(cursor, *group_by, **filters)
    assert answer.total_usd == totals(answer)["usd"] == Decimal(total)


def test_other_currencies_are_in_no_group_and_listed(cursor):
    answer = asked(cursor, "project", accounts=("eu",))

    assert [(row.keys["project"], row.usd, row.lines) for row in answer.rows] == [
        ("proj_1", None, 1),
        ("proj_eu", Decimal(100), 1),
    ]
    assert answer.unconverted == [("EUR", Decimal(9))]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_cuts_the_rows_says_so_and_leaves_the_total(cursor, limit):
    everything, cut = asked(cursor, "project", "model"), asked(cursor, "project", "model", limit=limit)

    assert cut.rows == everything.rows[:limit]
    assert (cut.truncated, everything.truncated) == (True, False)
    assert cut.total_usd == everything.total_usd


def test_groups_come_in_order_and_what_cannot_be_told_comes_last(cursor):
    for name in ("project", "api_key", "line_item", "service_tier"):
        keys = [row.keys[name] for row in asked(cursor, name).rows]
        assert keys == sorted(keys, key=lambda key: (key is None, key or ""))


def test_a_day_that_was_restated_says_what_it_was_is_and_when(tmp_path):
    clock = SetClock()
    warehouse = Warehouse(tmp_path / "home", clock)
    bills = []
    for cents, hours in (("100", 0), ("150", 1), ("125", 2)):
        clock.instant = LATER + timedelta(hours=hours)
        bills.append(billed({DAY: [charge(cents)]}, at=clock.instant))
        store(warehouse, bills[-1], complete({DAY: [line("1")]}))
        add_up(warehouse, BOTH, clock)

    with Snapshots(warehouse.home).current()[1] as cursor:
        told, others = (asked(cursor, providers=(name,)).restatements for name in ("anthropic", "openai"))

    assert [(one.source, one.day, one.model, one.was_usd, one.is_usd) for one in told] == [
        ("anthropic_costs", DAY, "claude-sonnet-4-5", Decimal("1.5"), Decimal("1.25")),
        ("anthropic_costs", DAY, "claude-sonnet-4-5", Decimal(1), Decimal("1.5")),
    ]
    assert [one.at for one in told] == [(LATER + timedelta(hours=n)).replace(tzinfo=None) for n in (2, 1)]
    assert [one.fetch_id for one in told] == [bills[2].fetch_id, bills[1].fetch_id]
    assert others == []


def test_of_many_restatements_the_newest_are_given(tmp_path):
    clock = SetClock()
    warehouse = Warehouse(tmp_path / "home", clock)
    models = [f"m{n:03}" for n in range(MOST_RESTATEMENTS)]
    for factor in (1, 2):
        store(warehouse, complete({DAY: [line(str(factor), model) for model in models]}))
        add_up(warehouse, BOTH, clock)
    clock.instant += timedelta(hours=1)
    store(warehouse, complete({DAY: [line("3", models[0])] + [line("2", model) for model in models[1:]]}))
    add_up(warehouse, BOTH, clock)

    with Snapshots(warehouse.home).current()[1] as cursor:
        told = asked(cursor).restatements

    assert len(told) == MOST_RESTATEMENTS
    assert (told[0].model, told[0].is_usd) == (models[0], 3)


dimensions = st.lists(st.sampled_from([name for name in NOT_OF_THE_BILL if name != "source"]), unique=True)


@pytest.fixture(scope="module")
def random_rows(tmp_path_factory):
    """Rows of all kinds, by chance."""
    chance = random.Random(20261125)
    clock = SetClock()
    warehouse = Warehouse(tmp_path_factory.mktemp("random") / "home", clock)
    model = [None, "gpt-4o", "gpt-4o-2024-08-06", "o3", "o3-2025-04-16"]
    ids = {"project_id": [None, "proj_1", "proj_2"], "api_key_id": [None, "key_1", "key_2"]}

    def some(**more):
        return {name: chance.choice(values) for name, values in ids.items()} | more

    for account in ("default", "eu"):
        for day in BOTH.days():
            bill = [
                line(f"{chance.randrange(-(10**9), 10**12)}e-9", chance.choice(model), **some(),
                     quantity=chance.randrange(10**6), quantity_unit=chance.choice(["tokens", "1000_tokens", "images"]))
                for _ in range(chance.randrange(12))
            ]  # fmt: skip
            measured = [
                completions(chance.choice(model), chance.randrange(10**9), chance.randrange(10**6), chance.randrange(9),
                            **some(service_tier=chance.choice([None, "default", "flex"]), batch=chance.random() < 0.3))
                for _ in range(chance.choice([0, 0, 9]))
            ]  # fmt: skip
            odd = [searches("gpt-4o", 3, 2), stored_bytes(10**9), images("gpt-image-1", 2)] if measured else []
            store(
                warehouse,
                complete({day: bill}, account=account),
                used({day: measured + odd}, account=account),
                billed({day: [charge(str(chance.randrange(10**6)))]}, account=account),
                used({day: [messages("claude-x", 5, chance.randrange(9))]}, ANTHROPIC_USAGE, account=account),
            )
    add_up(warehouse, BOTH, clock)
    with Snapshots(warehouse.home).current()[1] as cursor:
        yield cursor


@pytest.mark.long
@examples(max_examples=60, deadline=None, database=None)
@given(
    group_by=dimensions,
    providers=st.sampled_from([(), ("openai",), ("anthropic",)]),
    accounts=st.sampled_from([(), ("eu",)]),
    models=st.sampled_from([(), ("gpt-4o", ""), ("o3", "claude-x")]),
    window=st.sampled_from([BOTH, Window(DAY, DAY), Window(NEXT, NEXT)]),
)
def test_no_grouping_and_no_filter_makes_or_loses_a_cent_or_a_token(
    random_rows, group_by, providers, accounts, models, window
):
    filters = {"providers": providers, "accounts": accounts, "models": models, "window": window}
    ungrouped, grouped = asked(random_rows, **filters), asked(random_rows, *group_by, **filters)

    assert totals(grouped) == totals(ungrouped)
    assert grouped.total_usd == ungrouped.total_usd
    assert grouped.tokens_from == ungrouped.tokens_from
