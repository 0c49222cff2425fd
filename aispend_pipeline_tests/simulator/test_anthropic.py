"""The simulated Anthropic's two reports: the published shapes, parts that add up, and two books that agree."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import anthropic_books, organisation

from ..service.world import NOW
from .asking import Client, schema

COSTS, USAGE = "cost_report", "usage_report/messages"
DAY = date(2026, 6, 9)
DAYS = Window(date(2026, 5, 28), date(2026, 6, 11))  # all that are over
BY_BOTH = ("workspace_id", "description")
BY_FIVE = ("workspace_id", "api_key_id", "model", "service_tier", "context_window")
# What tokens of every type are counted and billed by.
SAID = ("workspace_id", "model", "service_tier", "context_window", "inference_geo")
ACCOUNTS = ("default", "eu")
# What an account pays of the list price.
PART = {"default": Decimal("0.92"), "eu": Decimal(1)}
SONNET = "claude-sonnet-4-5-20250929"
TYPES = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
    "output_tokens",
)
# List prices of these, US cents a million tokens; a batch is half, and what is asked of the US costs a tenth more.
PRICES = {
    ("claude-opus-5-5", "0-200k"): "400 20 500 800 2000",
    ("claude-opus-5-5", "200k-1M"): "400 20 500 800 2000",
    (SONNET, "0-200k"): "300 30 375 600 1500",
    (SONNET, "200k-1M"): "600 60 750 1200 2250",
    ("claude-haiku-4-5-20251001", "0-200k"): "100 10 125 200 500",
    ("claude-3-5-haiku-20241022", "0-200k"): "80 8 100 160 400",
}


def whole(day: date) -> dict[str, str]:
    return {"starting_at": utc_text(midnight(day)), "ending_at": utc_text(midnight(day + timedelta(days=1)))}


def since(day: date) -> dict[str, str]:
    return {"starting_at": utc_text(midnight(day))}


def price(model: str, tier: str, window: str, geo: str, token_type: str) -> Decimal:
    """The list price, US cents a million tokens."""
    each = Decimal(PRICES[model, window].split()[TYPES.index(token_type)])
    return each * (Decimal("0.5") if tier == "batch" else 1) * (Decimal("1.1") if geo == "us" else 1)


def cents(buckets: list[dict]) -> dict[str, Decimal]:
    """US cents by day."""
    return {
        bucket["starting_at"][:10]: sum((Decimal(result["amount"]) for result in bucket["results"]), Decimal(0))
        for bucket in buckets
    }


def tokens(result: dict) -> Counter:
    """Tokens by type, as the cost report calls them."""
    flat = {name: result[name] for name in ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")}
    return Counter(flat | {f"cache_creation.{name}": count for name, count in result["cache_creation"].items()})


def added(buckets: list[dict], groups: tuple[str, ...]) -> dict[tuple, Counter]:
    """Counts by the values of `groups`."""
    sums: dict[tuple, Counter] = defaultdict(Counter)
    for bucket in buckets:
        for result in bucket["results"]:
            sums[tuple(result[group] for group in groups)].update(tokens(result) + Counter(result["server_tool_use"]))
    return sums


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("groups", [(), ("workspace_id",), ("description",), BY_BOTH], ids=str)
def test_every_cost_report_is_of_the_published_shape_and_of_the_same_sum(clock, account, groups):
    client = Client("anthropic", clock, account)
    asked = {**since(DAYS.first), "group_by": groups, "limit": 31}
    schema("anthropic", "cost_report").validate(client.get(COSTS, **asked).json())

    usd = {day: amount / 100 for day, amount in cents(client.buckets(COSTS, **asked)).items()}
    assert usd == {str(day): organisation.total("anthropic", account, [day], NOW) for day in DAYS.days()}
    assert min(usd.values()) > 0


def test_an_ungrouped_day_is_one_row_that_says_nothing_but_its_amount(clock):
    (bucket,) = Client("anthropic", clock).buckets(COSTS, **whole(DAY))
    (row,) = bucket["results"]

    assert {name for name, value in row.items() if value is not None} == {"currency", "amount"}
    assert set(row) >= {"workspace_id", "description", "cost_type", "model", "token_type", "service_tier"}


def test_the_running_day_has_no_bucket_until_it_is_over(clock):
    client = Client("anthropic", clock)
    asked = {**since(DAY), "ending_at": utc_text(midnight(NOW.date() + timedelta(days=2)))}

    assert list(cents(client.buckets(COSTS, **asked))) == [str(DAY + timedelta(days=n)) for n in range(3)]
    assert organisation.total("anthropic", "default", [NOW.date()], NOW) == 0
    clock.instant = midnight(NOW.date() + timedelta(days=1))
    assert list(cents(client.buckets(COSTS, **asked)))[-1] == str(NOW.date())
    assert client.get(COSTS, **since(clock.now().date())).json() == {"data": [], "has_more": False, "next_page": None}


def test_the_last_page_is_not_one_of_the_running_day_alone(clock):
    page = Client("anthropic", clock).get(COSTS, **since(DAY), limit=3).json()

    assert (len(page["data"]), page["has_more"]) == (3, False)


def test_a_day_that_is_over_does_not_change_any_more(clock):
    client = Client("anthropic", clock)
    before = client.get(COSTS, **whole(DAY), group_by=BY_BOTH).json()
    clock.instant += timedelta(days=5)

    assert client.get(COSTS, **whole(DAY), group_by=BY_BOTH).json() == before


def test_rows_share_a_description_and_differ_in_all_else(clock):
    buckets = Client("anthropic", clock).buckets(COSTS, **whole(DAY), group_by=BY_BOTH)
    shared: dict[str, list[dict]] = defaultdict(list)
    for row in buckets[0]["results"]:
        shared[row["description"]].append(row)

    for name in ("workspace_id", "service_tier", "context_window", "inference_geo", "token_type"):
        assert any(len({row[name] for row in rows}) > 1 for rows in shared.values()), name
    assert {row["cost_type"] for rows in shared.values() for row in rows} == {"tokens", "web_search", "code_execution"}
    assert None in {row["workspace_id"] for rows in shared.values() for row in rows}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_tokens_used_times_their_list_price_less_the_discount_are_what_is_billed(clock, account):
    client = Client("anthropic", clock, account)
    used = added(client.buckets(USAGE, **whole(DAY), group_by=SAID), SAID)
    priced: Counter = Counter()
    for (workspace, model, tier, window, geo), counts in used.items():
        for name, count in counts.items():
            if name == "web_search_requests":
                priced[workspace, *(None,) * 5] += count * PART[account]
            elif tier in ("standard", "batch"):
                each = price(model, tier, window, geo, name) * PART[account]
                priced[workspace, model, tier, window, geo, name] += count * each / 1_000_000

    billed = {}
    for row in client.buckets(COSTS, **whole(DAY), group_by=BY_BOTH)[0]["results"]:
        if row["cost_type"] != "code_execution":
            key = tuple(row[name] for name in (*SAID, "token_type"))
            assert key not in billed
            billed[key] = Decimal(row["amount"])
    assert {key: amount for key, amount in priced.items() if amount} == billed


@pytest.mark.parametrize(
    ("workspace", "model", "tier", "window", "geo", "token_type", "count", "usd"),
    [
        # 4.00 a million, less 8 %
        ("chat", "claude-opus-5-5", "standard", "0-200k", "global", "uncached_input_tokens", 9_099_436, "33.48592448"),
        # 0.20, and a tenth more
        ("chat", "claude-opus-5-5", "standard", "0-200k", "us", "cache_read_input_tokens", 16_163_793, "3.2715517032"),
        # 22.50 of long context, half of it in a batch
        ("nightly", SONNET, "batch", "200k-1M", "not_available", "output_tokens", 1_939_583, "20.07468405"),
        # 15.00, half of it in a batch, less nothing
        ("support", SONNET, "batch", "0-200k", "not_available", "output_tokens", 1_151_867, "8.6390025"),
    ],
)
def test_a_line_is_what_one_works_out_by_hand(workspace, model, tier, window, geo, token_type, count, usd):
    day, now = date(2026, 11, 10), midnight(date(2026, 11, 11))
    said = (f"wrkspc_{workspace}", model, tier, window, geo)
    account = "eu" if workspace == "support" else "default"
    used = [
        counts[token_type]
        for dimensions, counts in anthropic_books.used(account, midnight(day), now, now)
        if tuple(dimensions[name] for name in SAID) == said
    ]
    billed = [
        line.cents
        for line in anthropic_books.lines(account, day, now)
        if tuple(getattr(line, name) for name in (*SAID, "token_type")) == (*said, token_type)
    ]

    assert (used, billed) == ([count], [Decimal(usd) * 100])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_no_amount_has_more_places_than_are_kept(account):
    for day in (day for day in DAYS.days() if day < NOW.date()):
        assert all(line.cents.as_tuple().exponent >= -16 for line in anthropic_books.lines(account, day, NOW))


def test_priority_and_flex_are_used_and_never_billed(clock):
    client = Client("anthropic", clock)
    (used,) = client.buckets(USAGE, **whole(DAY), group_by=["service_tier"])
    billed = client.buckets(COSTS, **since(DAYS.first), group_by=BY_BOTH)

    assert {row["service_tier"] for row in used["results"]} == {"standard", "batch", "priority", "flex"}
    assert {row["service_tier"] for bucket in billed for row in bucket["results"]} == {"standard", "batch", None}


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("groups", [(), BY_FIVE, ("inference_geo", "account_id", "service_account_id")], ids=str)
def test_every_usage_report_is_of_the_published_shape(clock, account, groups):
    client = Client("anthropic", clock, account)

    for width in ("1d", "1h", "1m"):
        body = client.get(USAGE, **whole(DAY), bucket_width=width, group_by=groups).json()
        schema("anthropic", "usage_report_messages").validate(body)
        assert body["data"][-1]["results"]


@pytest.mark.long
@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("day", [DAY, NOW.date()], ids=str)
def test_the_hours_of_a_day_and_its_minutes_add_up_to_the_day(clock, account, day):
    client = Client("anthropic", clock, account)
    asked = {**whole(day), "group_by": BY_FIVE}
    of_the_day = added(client.buckets(USAGE, **asked), BY_FIVE)

    assert added(client.buckets(USAGE, **asked, bucket_width="1h"), BY_FIVE) == of_the_day
    assert added(client.buckets(USAGE, **asked, bucket_width="1m", limit=1440), BY_FIVE) == of_the_day
    (ungrouped,) = client.buckets(USAGE, **whole(day))
    assert tokens(ungrouped["results"][0]) + Counter(ungrouped["results"][0]["server_tool_use"]) == sum(
        of_the_day.values(), Counter()
    )


def test_the_running_day_is_in_the_usage_and_grows(clock):
    client = Client("anthropic", clock)
    seen = []
    for hour in range(25):
        clock.instant = midnight(NOW.date()) + timedelta(hours=hour, minutes=10)
        buckets = client.buckets(USAGE, **whole(NOW.date()))
        seen.append(sum(tokens(result).total() for bucket in buckets for result in bucket["results"]))

    assert seen == sorted(seen)
    assert len(set(seen)) == 25
    assert client.buckets(USAGE, **whole(NOW.date() + timedelta(days=3)))[0]["results"] == []


@pytest.mark.parametrize(
    ("path", "width", "most", "default"),
    [(COSTS, "1d", 31, 7), (USAGE, "1d", 31, 7), (USAGE, "1h", 168, 24), (USAGE, "1m", 1440, 60)],
)
def test_a_page_holds_as_many_buckets_as_asked_up_to_the_documented_limit(clock, path, width, most, default):
    client = Client("anthropic", clock)
    asked = {**since(date(2026, 4, 1)), "bucket_width": width}

    page = client.get(path, **asked).json()
    assert len(page["data"]) == default
    assert page["has_more"] is True
    assert len(client.get(path, **asked, limit=most).json()["data"]) == most
    assert client.get(path, **asked, limit=most + 1).status_code == 400


@pytest.mark.long
@pytest.mark.parametrize("limit", [1, 2, 7, 31])
def test_pages_cut_anywhere_give_the_same_buckets(clock, limit):
    client, short = Client("anthropic", clock), Client("anthropic", clock, buckets_a_page=3)
    asked = {**since(date(2026, 5, 1)), "group_by": BY_BOTH}
    assert client.buckets(COSTS, **asked, limit=limit) == client.buckets(COSTS, **asked)
    assert short.buckets(COSTS, **asked, limit=limit) == client.buckets(COSTS, **asked)

    asked = {**since(DAY), "bucket_width": "1h", "group_by": BY_FIVE}
    assert client.buckets(USAGE, **asked, limit=limit) == client.buckets(USAGE, **asked)
    assert short.buckets(USAGE, **asked, limit=limit) == client.buckets(USAGE, **asked)


@pytest.mark.parametrize(
    ("name", "dimension", "value"),
    [
        ("models", "model", "claude-opus-5-5"),
        ("api_key_ids", "api_key_id", "apikey_batch"),
        ("workspace_ids", "workspace_id", "wrkspc_chat"),
        ("service_tiers", "service_tier", "priority"),
        ("context_window", "context_window", "200k-1M"),
    ],
)
def test_a_filter_keeps_what_it_names(clock, name, dimension, value):
    client = Client("anthropic", clock)
    every = client.buckets(USAGE, **whole(DAY), group_by=BY_FIVE)[0]["results"]
    kept = client.buckets(USAGE, **whole(DAY), group_by=BY_FIVE, **{name: [value]})[0]["results"]

    assert kept == [result for result in every if result[dimension] == value]
    assert 0 < len(kept) < len(every)


def test_the_speed_needs_the_header_of_its_beta(clock):
    client = Client("anthropic", clock)
    assert client.get(USAGE, **whole(DAY), group_by=["speed"]).status_code == 400

    client.http.headers["anthropic-beta"] = "fast-mode-2026-02-01"
    (bucket,) = client.buckets(USAGE, **whole(DAY), group_by=["speed"])
    assert [result["speed"] for result in bucket["results"]] == ["standard"]
