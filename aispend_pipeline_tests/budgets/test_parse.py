"""What Google's answers say of budgets, to the last digit, and what becomes of answers that are unusual."""

import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.budgets.model import Budget, BudgetScope, Figure
from aispend_pipeline.budgets.notifications import Rejected, received
from aispend_pipeline.budgets.parse import budgets_of_list, next_page, one_budget
from aispend_pipeline.errors import ErrorClass, FetchError

from .samples import AI_SERVICES, BUDGETS, PULLS, nanoseconds, notification, pulled, sample, sample_bytes

NAME = "billingAccounts/01AAAA-BBBBBB-CCCCCC/budgets/b"


def shortest(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"


def as_expected(budget: Budget) -> dict:
    return {
        "budget_id": budget.budget_id,
        "display_name": budget.name,
        "cap_amount": shortest(budget.amount),
        "cap_currency": budget.currency,
        "cap_known": budget.amount is not None,
        "period": budget.period,
        "scope": budget.scope,
        "thresholds": [{"percent": shortest(of.percent), "basis": of.basis} for of in budget.thresholds],
        "pubsub_topic": budget.topic,
        "spend_from_this_api": None,
    }


def snapshot(figure: Figure) -> dict:
    return {
        "billing_account_id": figure.billing_account,
        "budget_id": figure.budget_id,
        "display_name": figure.name,
        "cost_interval_start": f"{figure.interval_start:%Y-%m-%dT%H:%M:%SZ}",
        "cost_amount": shortest(figure.amount),
        "budget_amount": shortest(figure.budget_amount),
        "currency": figure.currency,
        "budget_amount_type": figure.budget_amount_type,
        "alert_threshold": shortest(figure.alert_threshold),
        "forecast_threshold": shortest(figure.forecast_threshold),
        "publish_time": figure.published,
    }


def test_the_sample_budgets_are_what_is_expected_of_them():
    bodies = [sample_bytes(name) for name in BUDGETS]
    assert [next_page(body) for body in bodies] == ["CgwI4aV0-page2", None]
    expected = sample("budgets_expected.json")["budgets"]
    assert [as_expected(budget) for budget in budgets_of_list(bodies, AI_SERVICES)] == expected
    assert as_expected(one_budget(sample_bytes("budget_get.json"), AI_SERVICES)) == expected[0]


def test_the_sample_pulls_are_what_is_expected_of_them():
    expected = sample("pubsub_expected.json")
    found = received(sample_bytes(name) for name in PULLS)

    snapshots = [{**one, "publish_time": nanoseconds(one["publish_time"])} for one in expected["snapshots"]]
    assert sorted(map(snapshot, found.figures.values()), key=str) == sorted(snapshots, key=str)
    assert found.ack_ids == expected["ack_ids"]
    assert found.counts() == {
        "messages": expected["distinct_messages"],
        "deliveries": expected["deliveries"],
        "duplicates": expected["duplicates"],
        "not_a_budget_notification": expected["not_a_budget_notification"],
        "other_schema_version": 0,
        "malformed": expected["malformed"],
    }


@pytest.mark.parametrize(
    ("changes", "means"),
    [
        ({}, {"amount": None, "period": "MONTH", "scope": "all_services", "thresholds": (), "name": ""}),
        ({"budgetFilter": {"calendarPeriod": "FORTNIGHT"}}, {"period": "FORTNIGHT"}),
        ({"budgetFilter": {"customPeriod": {"startDate": {"year": 2026}}}}, {"period": "CUSTOM"}),
        ({"budgetFilter": {"services": ["services/24E6-581D-38E5"]}}, {"scope": "mixed"}),
        ({"budgetFilter": {"creditTypesTreatment": "NO_IDEA"}}, {"credits": "NO_IDEA"}),
        ({"amount": {"specifiedAmount": {}}}, {"amount": Decimal(0), "currency": None}),
        ({"amount": {"specifiedAmount": {"currencyCode": "usd", "units": "999999999999999", "nanos": 999999999}}},
         {"amount": Decimal("999999999999999.999999999"), "currency": "USD"}),
        ({"amount": {"somethingNew": {"x": 1}}}, {"amount": None}),
        ({"thresholdRules": [{}]}, {"thresholds": ((Decimal(0), "CURRENT_SPEND"),)}),
        ({"spendCap": {"x": 1}, "ownershipScope": "NEW"}, {"scope": "all_services"}),
    ],
)  # fmt: skip
def test_what_is_missing_or_new_in_a_budget_is_no_trouble(changes, means):
    budget = one_budget(json.dumps({"name": NAME, **changes}).encode(), AI_SERVICES)
    assert {name: getattr(budget, name) for name in means} == means


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"name": "projects/1/billingAccounts/a/budgets/b"},
        {"name": NAME, "amount": {"specifiedAmount": {"units": "many"}}},
        {"name": NAME, "amount": {"specifiedAmount": {"units": "9223372036854775807"}}},
        {"name": NAME, "thresholdRules": "none"},
    ],
)
def test_an_answer_that_is_no_budget_is_refused(answer):
    with pytest.raises(FetchError) as refused:
        one_budget(json.dumps(answer).encode(), AI_SERVICES)
    assert refused.value.error_class is ErrorClass.SCHEMA


def test_only_a_budget_of_nothing_but_our_services_is_of_ai_only():
    asked = {"name": NAME, "budgetFilter": {"services": ["services/24E6-581D-38E5"]}}
    assert one_budget(json.dumps(asked).encode(), {"24E6-581D-38E5"}).scope is BudgetScope.AI_ONLY


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attributes": {}}, Rejected.NOT_A_BUDGET),
        ({"attributes": {"budgetId": "b", "schemaVersion": "1.0"}}, Rejected.NOT_A_BUDGET),
        ({"attributes": {"budgetId": "b", "billingAccountId": "a", "schemaVersion": "2.0"}}, Rejected.OTHER_VERSION),
        ({"attributes": {"budgetId": "b", "billingAccountId": "a"}}, Rejected.OTHER_VERSION),
        ({"data": ""}, Rejected.MALFORMED),
        ({"data": "%%%"}, Rejected.MALFORMED),
        ({"data": base64.b64encode(b"[1]").decode()}, Rejected.MALFORMED),
        ({"data": base64.b64encode(b"\xff\xfe").decode()}, Rejected.MALFORMED),
        ({"data": base64.b64encode(b"[" * 100_000).decode()}, Rejected.MALFORMED),
        ({"publishTime": "yesterday"}, Rejected.MALFORMED),
        ({"publishTime": "2026-02-30T00:00:00Z"}, Rejected.MALFORMED),
        ({"publishTime": "9999-12-31T00:00:00Z"}, Rejected.MALFORMED),
        ({"costAmount": None}, Rejected.MALFORMED),
        ({"costAmount": "1.5"}, Rejected.MALFORMED),
        ({"costAmount": True}, Rejected.MALFORMED),
        ({"costAmount": 1e300}, Rejected.MALFORMED),
        ({"costAmount": float("nan")}, Rejected.MALFORMED),
        ({"currencyCode": "dollars"}, Rejected.MALFORMED),
        ({"costIntervalStart": None}, Rejected.MALFORMED),
        ({"budgetAmount": "much"}, Rejected.MALFORMED),
    ],
)
def test_a_message_that_gives_no_figure_is_counted_and_acknowledged(changes, why):
    found = received([pulled([notification(**changes), notification(message="m2")])])
    assert found.rejected == {"m1": why}
    assert found.ack_ids == ["ack-m1", "ack-m2"]
    assert [figure.message_id for figure in found.figures.values()] == ["m2"]


def test_an_empty_pull_brings_nothing():
    found = received([b"{}", b'{"receivedMessages": []}'])
    assert (found.figures, found.ack_ids, found.counts()["deliveries"]) == ({}, [], 0)


def test_digits_are_kept_as_they_are_written():
    [figure] = received([pulled([notification(costAmount=Decimal("533.770000000000000001"))])]).figures.values()
    assert str(figure.amount) == "533.770000000000000001"


instants = st.builds(
    lambda second, fraction: f"2026-11-18T13:00:{second:02d}{fraction}Z",
    st.integers(0, 3),
    st.sampled_from(["", ".9", ".10", ".000000001", ".1", ".123456789", ".12345679"]),
)
messages = st.lists(st.tuples(instants, st.sampled_from(["11", "10"]), st.integers(-5, 2000)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(messages, st.data())
def test_the_newest_figures_are_the_same_whatever_the_order_and_however_often_they_come(made, data):
    sent = [
        notification(message=f"m{n}", publishTime=at, costAmount=amount, costIntervalStart=f"2026-{month}-01T07:00:00Z")
        for n, (at, month, amount) in enumerate(made)
    ]
    again = data.draw(st.lists(st.sampled_from(sent), max_size=8))
    shuffled = data.draw(st.permutations(sent + again))
    cut = data.draw(st.integers(0, len(shuffled)))

    plain = received([pulled(sent)])
    other = received([pulled(shuffled[:cut]), pulled(shuffled[cut:])])

    assert other.figures == plain.figures
    for figure in plain.figures.values():
        of_month = [at for at, month, _ in made if f"{figure.interval_start:%m}" == month]
        assert figure.published == max(map(nanoseconds, of_month))
    assert other.duplicates == len(again)
    assert len(other.ack_ids) == len(shuffled)
