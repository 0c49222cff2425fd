"""What is Anthropic's own: cents, a running day that is not known yet, workspaces and tiers, errors, unpriced tiers."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import CoverageState, FetchState, Reading, Window
from aispend_pipeline.sources.http import Limits

from .samples import FOLDER
from .scripted import ANTHROPIC_KEY, SETTLED, TODAY, Answer, FakeClock, in_turn, read, read_one, scripted
from .shapes import ANTHROPIC_COSTS as COSTS
from .shapes import ANTHROPIC_USAGE as USAGE
from .store import Store

FIRST = SETTLED.first
ONE_DAY, RUNNING = Window(FIRST, FIRST), Window(TODAY, TODAY)
YESTERDAY = TODAY - timedelta(days=1)
LINE = {
    "description": "Claude Sonnet 4.5 Usage - Input Tokens",
    "cost_type": "tokens",
    "model": "claude-sonnet-4-5",
    "token_type": "uncached_input_tokens",
    "service_tier": "standard",
    "context_window": "0-200k",
    "inference_geo": "global",
}


def line(cents: str, **more: object) -> dict:
    return {"amount": cents, "currency": "USD", "workspace_id": None, **LINE, **more}


def bill(*lines: dict, day=FIRST) -> bytes:
    return COSTS.page(COSTS.bucket(day, *lines))


def whole(cents: str, day=FIRST) -> bytes:
    """The control: one line that says nothing but an amount."""
    return COSTS.page(
        COSTS.bucket(day, {"amount": cents, "currency": "USD", "workspace_id": None, "description": None})
    )


def test_an_amount_is_in_cents(home):
    with scripted(COSTS.script([bill(line("123.78912"))], [whole("123.78912")])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
    assert store.answer(ONE_DAY).total_usd == Decimal("1.2378912")
    assert store.rows("SELECT amount, currency, amount_usd FROM spend") == [
        (Decimal("1.2378912"), "USD", Decimal("1.2378912"))
    ]


@pytest.mark.parametrize("buckets", [[], [COSTS.bucket(YESTERDAY, line("100"))]], ids=["none", "yesterday's"])
def test_the_running_day_without_a_bucket_is_not_known_yet_and_its_control_is_not_asked_for(home, buckets):
    with scripted(COSTS.script([COSTS.page(*buckets)])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        (fetch,) = store.ingest(RUNNING)
        assert [asked.reading for asked in provider.asked] == [Reading.ROWS]
    assert (fetch.state, fetch.answers) == (FetchState.COMPLETE, [])
    assert store.states(RUNNING) == {("default", TODAY): CoverageState.NOT_DUE}
    (known,) = (day for day in store.answer(RUNNING).coverage if day.source == COSTS.name)
    assert known.detail["reason"] == "the provider did not answer for all of this day"


def test_the_running_day_is_known_once_it_has_a_bucket(home):
    with scripted(COSTS.script([COSTS.page()])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(RUNNING)
        provider.script = COSTS.script([bill(line("250"), day=TODAY)])
        store.ingest(RUNNING)
    assert store.states(RUNNING) == {("default", TODAY): CoverageState.COMPLETE}
    assert store.answer(RUNNING).total_usd == Decimal("2.5")


def test_a_day_that_is_over_and_has_no_bucket_is_held_against_the_control():
    missing = Window(YESTERDAY, YESTERDAY)
    with scripted(COSTS.script([COSTS.page()])) as provider:
        fetch = read_one(provider.base_url, missing, source=COSTS.source)
    assert (fetch.state, fetch.answers) == (FetchState.COMPLETE, [])
    with scripted(COSTS.script([COSTS.page()], [whole("1", YESTERDAY)])) as provider:
        fetches = read(provider.base_url, missing, source=COSTS.source)
    assert [fetch.error_class for fetch in fetches] == [ErrorClass.CONTROL_MISMATCH] * 2
    assert fetches[1].error == f"{YESTERDAY}: the rows add up to 0.00 USD, the provider's own sum is 0.01 USD"


def test_an_empty_bucket_is_a_day_without_spend(home):
    with scripted(COSTS.script([COSTS.page(COSTS.bucket(FIRST))])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
    assert store.states(ONE_DAY) == {("default", FIRST): CoverageState.COMPLETE}
    assert store.answer(ONE_DAY).total_usd == 0


@pytest.mark.parametrize(
    ("control", "state"),
    [("100.0001", "complete"), ("99.9999", "complete"), ("100.00011", "failed"), ("10000", "failed"), ("1", "failed")],
)
def test_rows_and_control_may_be_a_millionth_of_a_dollar_apart_and_no_more(control, state):
    with scripted(COSTS.script([bill(line("100"))], [whole(control)])) as provider:
        fetches = read(provider.base_url, ONE_DAY, source=COSTS.source)
    assert fetches[-1].state == state
    assert len(fetches) == (1 if state == "complete" else 2)


@pytest.mark.parametrize(
    "other",
    [
        {"service_tier": "batch"},
        {"context_window": "200k-1M"},
        {"inference_geo": "us"},
        {"workspace_id": "wrkspc_a"},
        {"token_type": "output_tokens"},
        {"model": "claude-opus-5"},
        {"cost_type": "session_usage"},
    ],
    ids=str,
)
@pytest.mark.parametrize("pages", [1, 2])
def test_rows_of_one_description_that_differ_in_one_thing_are_all_kept(other, pages):
    lines = [line("30"), line("12", **other)]
    rows = [bill(*lines)]
    if pages == 2:
        rows = [bill(lines[0]).replace(b'"has_more":false,"next_page":null', b'"has_more":true,"next_page":"2"')]
        rows.append(bill(lines[1]))
    with scripted(COSTS.script(rows, [whole("42")])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=COSTS.source)
    assert [(answer.rows, answer.rows_usd, answer.agrees) for answer in fetch.answers] == [(2, Decimal("0.42"), True)]
    assert fetch.detail == {}


def test_the_default_workspace_is_one_of_several_and_no_total(home):
    lines = [line("100"), line("30", workspace_id="wrkspc_a"), line("12", workspace_id="wrkspc_b")]
    with scripted(COSTS.script([bill(*lines)], [whole("142")])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
    assert store.states(ONE_DAY) == {("default", FIRST): CoverageState.COMPLETE}
    answer = store.answer(ONE_DAY, "workspace")
    assert answer.total_usd == Decimal("1.42")
    assert {row.keys["workspace"]: (row.usd, row.names["workspace"]) for row in answer.rows} == {
        None: (Decimal(1), "Default"),
        "wrkspc_a": (Decimal("0.3"), None),
        "wrkspc_b": (Decimal("0.12"), None),
    }


def test_a_row_keeps_all_that_its_line_says(home):
    lines = [
        line("1", token_type="cache_creation.ephemeral_5m_input_tokens", workspace_id="wrkspc_a"),
        line("2", token_type="cache_creation.ephemeral_1h_input_tokens", service_tier="batch"),
        line("3", token_type="cache_read_input_tokens", context_window="200k-1M", inference_geo="us"),
        line("4", token_type="output_tokens", model="x" * 300),
        line("5", token_type="something_new", model=None, description=None),
        line("6", token_type=None, model=None, service_tier=None, description="Web Search Usage"),
    ]
    with scripted(COSTS.script([bill(*lines)], [whole("21")])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
    text, model = LINE["description"], LINE["model"]
    assert store.rows(
        "SELECT amount, line_item, model, token_type, project_id, service_tier, context_window, location, quantity,"
        " api_key_id FROM spend ORDER BY row_no"
    ) == [
        (Decimal("0.01"), text, model, "cache_write", "wrkspc_a", "standard", "0-200k", "global", None, None),
        (Decimal("0.02"), text, model, "cache_write", None, "batch", "0-200k", "global", None, None),
        (Decimal("0.03"), text, model, "cached_input", None, "standard", "200k-1M", "us", None, None),
        (Decimal("0.04"), text, "x" * 200, "output", None, "standard", "0-200k", "global", None, None),
        (Decimal("0.05"), "tokens", None, "something_new", None, "standard", "0-200k", "global", None, None),
        (Decimal("0.06"), "Web Search Usage", None, None, None, None, "0-200k", "global", None, None),
    ]


@pytest.mark.parametrize(("currency", "usd", "unconverted"), [("usd", 1, []), ("eur", 0, [("EUR", Decimal(1))])])
def test_only_dollars_are_dollars(home, currency, usd, unconverted):
    with scripted(COSTS.script([bill(line("100", currency=currency))])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
    answer = store.answer(ONE_DAY)
    assert (answer.total_usd, answer.unconverted) == (usd, unconverted)


ERRORS = [
    ("error_400_cost_group_by", 400, ErrorClass.REJECTED, 1),
    ("error_400_too_many_group_by", 400, ErrorClass.REJECTED, 1),
    ("error_401_authentication", 401, ErrorClass.UNAUTHORIZED, 1),
    ("error_403_permission", 403, ErrorClass.UNAUTHORIZED, 1),
    ("error_404_not_found", 404, ErrorClass.REJECTED, 1),
    ("error_429_rate_limit", 429, ErrorClass.RATE_LIMITED, 5),
    ("error_429_enforced_spend_limit", 429, ErrorClass.RATE_LIMITED, 1),
    ("error_529_overloaded", 529, ErrorClass.SERVER_ERROR, 5),
]


def error(name: str, status: int, *headers: tuple[str, str]) -> Answer:
    return Answer((FOLDER / "anthropic" / f"{name}.json").read_bytes(), status, headers)


@pytest.mark.parametrize(("name", "status", "error_class", "attempts"), ERRORS, ids=[name for name, *_ in ERRORS])
@pytest.mark.parametrize("shape", [COSTS, USAGE], ids=str)
def test_each_error_is_what_it_says_and_is_tried_again_only_where_that_may_help(
    shape, name, status, error_class, attempts
):
    clock = FakeClock()
    with scripted(in_turn(error(name, status))) as provider:
        fetch = read_one(provider.base_url, source=shape.source, clock=clock)
    assert (fetch.state, fetch.error_class, fetch.pages) == (FetchState.FAILED, error_class, [])
    assert (len(provider.asked), len(clock.waits)) == (attempts, attempts - 1)
    assert fetch.error.startswith(f"{shape.path} answered {status}: ")
    assert ANTHROPIC_KEY not in repr(fetch)


def test_every_error_sample_is_among_them():
    assert [name for name, *_ in ERRORS] == sorted(
        (file.stem for file in (FOLDER / "anthropic").glob("error_*.json")),
        key=[name for name, *_ in ERRORS].index,
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_the_setting_and_not_the_key(status):
    body = error("error_401_authentication", status)
    with scripted(in_turn(body)) as provider:
        fetch = read_one(provider.base_url, source=COSTS.source, account="eu", ANTHROPIC_API_KEY__EU="sk-ant-admin-eu")
    assert fetch.error.endswith(
        f"answered {status}: invalid x-api-key. Set ANTHROPIC_API_KEY__EU to an Admin API key (sk-ant-admin...), made"
        " in the Console by an admin of the organisation."
    )


def test_a_rate_limit_is_waited_for_as_long_as_it_says():
    good, clock = COSTS.script([bill(line("100"))]), FakeClock()
    left = [error("error_429_rate_limit", 429, ("retry-after", "42"))]
    with scripted(lambda asked: left.pop() if left else good(asked)) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=COSTS.source, clock=clock)
    assert (fetch.state, clock.waits) == (FetchState.COMPLETE, [42])


def test_a_spend_limit_is_not_waited_for_even_if_it_says_when():
    clock = FakeClock()
    with scripted(in_turn(error("error_429_enforced_spend_limit", 429, ("retry-after", "1")))) as provider:
        fetch = read_one(provider.base_url, source=COSTS.source, clock=clock)
    assert (len(provider.asked), clock.waits) == (1, [])
    assert "has reached its monthly spend limit" in fetch.error


@pytest.mark.parametrize(
    "body", [b'{"type":"error","error":{"details":[1]}}', b'{"error":{"details":null,"code":7}}', b'{"error":[]}', b"x"]
)
def test_an_error_body_of_any_shape_is_still_a_failed_fetch(body):
    with scripted(in_turn(Answer(body, 429))) as provider:
        fetch = read_one(provider.base_url, source=USAGE.source, limits=Limits(attempts=1))
    assert fetch.error_class is ErrorClass.RATE_LIMITED


def used(**more: object) -> dict:
    return {
        "uncached_input_tokens": 1500,
        "cache_read_input_tokens": 200,
        "output_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 1000},
        "server_tool_use": {"web_search_requests": 10},
        "model": "claude-opus-5",
        "workspace_id": "wrkspc_a",
        "api_key_id": "apikey_1",
        "service_tier": "standard",
        "context_window": "0-200k",
        **more,
    }


def ingested(home, *results: dict) -> Store:
    with scripted(USAGE.script([USAGE.page(USAGE.bucket(FIRST, *results))])) as provider:
        store = Store(home, provider.base_url, USAGE.source)
        store.ingest(ONE_DAY)
    return store


COUNTS = (
    "input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens,"
    " output_tokens, requests, quantity, unit"
)


def test_a_measured_row_keeps_every_count_and_no_requests(home):
    store = ingested(home, used(), used(model="", workspace_id=None, api_key_id="", service_tier=""))
    assert store.rows(f"SELECT {COUNTS} FROM usage LIMIT 1") == [
        (1500, 200, 1300, 300, 1000, 500, None, 10, "web searches")
    ]
    assert store.rows(
        "SELECT kind, model, project_id, api_key_id, service_tier, priced FROM usage ORDER BY row_no"
    ) == [
        ("messages", "claude-opus-5", "wrkspc_a", "apikey_1", "standard", True),
        ("messages", None, None, None, None, True),
    ]


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"cache_creation": None}, (1500, 200, None, None, None, 500, None, 10, "web searches")),
        ({"cache_creation": {}}, (1500, 200, None, None, None, 500, None, 10, "web searches")),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 7}},
            (1500, 200, None, 7, None, 500, None, 10, "web searches"),
        ),
        ({"server_tool_use": None}, (1500, 200, 1300, 300, 1000, 500, None, None, None)),
        ({"output_tokens": None}, (1500, 200, 1300, 300, 1000, None, None, 10, "web searches")),
    ],
    ids=["no cache object", "an empty one", "half of one", "no tools", "no output"],
)
def test_what_is_not_told_is_unknown_and_not_nothing(home, more, counts):
    assert ingested(home, used(**more)).rows(f"SELECT {COUNTS} FROM usage") == [counts]


def test_cache_writes_near_the_largest_integer_are_added_without_an_overflow(home):
    most = 2**63 - 1
    store = ingested(home, used(cache_creation=dict.fromkeys(used()["cache_creation"], most), output_tokens=most))
    assert store.rows("SELECT cache_write_tokens, output_tokens FROM usage") == [(2 * most, most)]
    assert store.states(ONE_DAY) == {("default", FIRST): CoverageState.COMPLETE}


def test_the_largest_counts_add_up_in_every_sum(home):
    most = 10**24 - 1
    store = ingested(home, *(used(output_tokens=most, api_key_id=f"k{n}") for n in range(50)), used(output_tokens=-1))
    assert store.rows("SELECT output_tokens FROM spend_daily WHERE model IS NOT NULL") == [(50 * most,)]
    told = [row.counts["output_tokens"] for row in store.answer(ONE_DAY, "model").rows]
    assert [count for count in told if count is not None] == [50 * most]
    assert {row.why for row in store.answer(ONE_DAY).unpriced} == {"more than any price is for"}
    assert store.rows("SELECT reason FROM quarantine") == [("output_tokens: count negative",)]
    assert store.states(ONE_DAY) == {("default", FIRST): CoverageState.PARTIAL}


def test_tiers_that_no_bill_lists_are_said_to_be_unpriced(home):
    tiers = ["standard", "batch", None, "priority", "flex", "priority_on_demand"]
    store = ingested(home, *(used(service_tier=tier) for tier in tiers))
    unpriced = store.answer(ONE_DAY).unpriced
    assert [(row.provider, row.service_tier, row.model, row.output_tokens) for row in unpriced] == [
        ("anthropic", tier, "claude-opus-5", 500) for tier in ("flex", "priority", "priority_on_demand")
    ]


def test_hours_are_kept_by_the_hour_and_added_up_by_the_day(home):
    hours = [USAGE.hour(FIRST, hour, used(output_tokens=hour)) for hour in range(24)]
    with scripted(USAGE.script([USAGE.page(*hours)])) as provider:
        store = Store(home, provider.base_url, USAGE.source)
        store.ingest(ONE_DAY)
    assert store.rows(
        "SELECT count(DISTINCT bucket_start), min(hour(bucket_start)), max(hour(bucket_start)) FROM usage"
    ) == [(24, 0, 23)]
    (row,) = [row for row in store.answer(ONE_DAY, "model").rows if row.keys["model"]]
    assert (row.keys["model"], row.usd, row.counts["output_tokens"]) == ("claude-opus-5", None, sum(range(24)))


def test_money_and_tokens_stand_beside_each_other_and_nothing_is_doubled(home):
    rows = bill(line("100"), line("12", token_type="output_tokens"))
    with scripted(COSTS.script([rows])) as provider:
        store = Store(home, provider.base_url, COSTS.source)
        store.ingest(ONE_DAY)
        provider.script = USAGE.script([USAGE.page(USAGE.bucket(FIRST, used(model="claude-sonnet-4-5-2025-09-29")))])
        store.ingest(ONE_DAY, source=USAGE.source)
    (row,) = [row for row in store.answer(ONE_DAY, "model").rows if row.keys["model"]]
    assert (row.keys["model"], row.usd, row.lines) == ("claude-sonnet-4-5", Decimal("1.12"), 2)
    assert (row.counts["input_tokens"], row.counts["output_tokens"], row.counts["requests"]) == (1500, 500, None)
    assert store.answer(ONE_DAY).tokens_from == ["usage"]
