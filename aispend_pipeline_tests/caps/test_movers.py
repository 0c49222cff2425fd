"""What moved a total most: whoever is told of a breached cap must know which key to look at."""

from datetime import date, timedelta

import pytest

from aispend_pipeline.caps.measure import movers
from aispend_pipeline.caps.model import Period
from aispend_pipeline.model import Window
from aispend_pipeline.names import kept
from aispend_pipeline.names.lists import Kind
from aispend_pipeline_tests.warehouse.books import ANTHROPIC_USAGE, billed, charge, messages, used
from aispend_pipeline_tests.warehouse.building import line

from .measuring import (
    ANTHROPIC,
    BOTH,
    DECEMBER,
    FIRST,
    NOVEMBER,
    NOW,
    OPENAI,
    TODAY,
    YESTERDAY,
    World,
    empty_store,
    november,
    world,
)

__all__ = ["empty_store", "world"]


def called(world: World, provider: str, names: dict[tuple[Kind, str], str], account: str = "default") -> None:
    with world.warehouse.write(publish=True) as transaction:
        kept.store(transaction, (provider, account), names, NOW, None)


def of(usd: str, key: str, model: str = "gpt-4o", **more: object) -> dict:
    return line(usd, model, api_key_id=key, **more)


def test_the_three_that_cost_most_are_named_with_what_is_recent_of_it(world):
    world.read(
        {
            november(3): [of("50.10", "key_a"), of("9", "key_b"), of("8", "key_d")],
            november(8): [of("4", "key_a")],
            YESTERDAY: [of("6", "key_a"), of("20", "key_b", "o3")],
            TODAY: [of("1.25", "key_a"), of("-90", "key_c")],
        }
    )
    called(world, "openai", {(Kind.PROJECT, "proj_1"): "search", (Kind.API_KEY, "key_a"): "ci"})

    first, second, third = movers(world.home, OPENAI, NOVEMBER, NOW)

    assert first == {
        "project": "proj_1",
        "project_name": "search",
        "api_key": "key_a",
        "api_key_name": "ci",
        "model": "gpt-4o",
        "usd": "61.35",
        "recent_usd": "7.25",
    }
    assert [(one["api_key"], one["model"], one["usd"], one["recent_usd"]) for one in (second, third)] == [
        ("key_b", "o3", "20.00", "20.00"),
        ("key_b", "gpt-4o", "9.00", "0.00"),
    ]
    assert second["api_key_name"] is None


def test_only_the_period_and_the_scopes_own_providers_count(world):
    world.read({date(2026, 10, 31): [of("99", "key_a")], FIRST: [of("5", "key_a")]})
    world.read_anthropic({FIRST: [charge("12300")]}, Window(FIRST, FIRST))

    assert [one["usd"] for one in movers(world.home, OPENAI, NOVEMBER, NOW)] == ["5.00"]
    assert [one["usd"] for one in movers(world.home, BOTH, NOVEMBER, NOW)] == ["123.00", "5.00"]
    assert movers(world.home, BOTH, DECEMBER, NOW) == []
    october = movers(world.home, OPENAI, Period.of(date(2026, 10, 1)), NOW)
    assert [(one["usd"], one["recent_usd"]) for one in october] == [("99.00", "0.00")]


@pytest.mark.parametrize(
    ("workspace", "name"), [(None, "Default"), ("wrkspc_1", "research"), ("wrkspc_2", None)], ids=str
)
def test_a_workspace_is_what_anthropic_calls_a_project(world, workspace, name):
    world.read_anthropic({TODAY - timedelta(days=2): [charge("700", workspace_id=workspace)]}, Window(FIRST, TODAY))
    called(world, "anthropic", {(Kind.WORKSPACE, "wrkspc_1"): "research"})

    (mover,) = movers(world.home, ANTHROPIC, NOVEMBER, NOW)

    assert (mover["project"], mover["project_name"], mover["api_key"]) == (workspace, name, None)
    assert (mover["api_key_name"], mover["model"]) == (None, "claude-sonnet-4-5")


def test_money_without_a_rate_or_that_was_given_back_moved_nothing(world):
    world.read({TODAY: [of("12", "key_a", currency="eur"), of("-3", "key_b")]})

    assert movers(world.home, OPENAI, NOVEMBER, NOW) == []


def test_before_anything_was_published_nothing_moved(tmp_path):
    assert movers(tmp_path, OPENAI, NOVEMBER, NOW) == []


def test_what_no_bill_has_yet_moves_a_total_too_and_a_bill_without_keys_is_told_by_them(world):
    """A key that runs away today is in no bill of Anthropic's, and no bill of Anthropic's tells keys."""
    steady = messages("claude-sonnet-4-5", 10**6, 0, api_key_id="key_steady")
    runaway = messages("claude-sonnet-4-5", 9 * 10**6, 0, api_key_id="key_runaway")
    world.book(
        billed({YESTERDAY: [charge("300", token_type="uncached_input_tokens")]}, at=NOW),
        used({YESTERDAY: [steady], TODAY: [runaway]}, ANTHROPIC_USAGE, at=NOW),
    )

    found = movers(world.home, ANTHROPIC, NOVEMBER, NOW)

    assert [(one["api_key"], one["usd"]) for one in found] == [("key_runaway", "27.00"), ("key_steady", "3.00")]
