"""Budgets and notifications over real HTTP: what is asked, stored and acknowledged, and what goes wrong."""

import json
from decimal import Decimal

import pytest

from aispend_pipeline.budgets.kept import month_to_date
from aispend_pipeline.budgets.reading import MOST_PULLS
from aispend_pipeline_tests.caps.world import Killed, killed_at

from .google import LISTED, SUBSCRIPTION, sample_budgets
from .samples import BILLING_ACCOUNT, notification, sample
from .test_parse import shortest

ONE = sample("budget_get.json")["name"]
PULL, ACKNOWLEDGE = f"/v1/{SUBSCRIPTION}:pull", f"/v1/{SUBSCRIPTION}:acknowledge"
NAMED = {"GCP_BUDGET_NAME": ONE, "GCP_BILLING_ACCOUNT_ID": ""}
FAILED = "SELECT error_class, error FROM \"fetch\" WHERE state = 'failed'"
FIGURES = "SELECT * EXCLUDE (fetch_id) FROM budget_figure ORDER BY ALL"


def test_all_of_the_samples_is_kept(world):
    [read] = world.read().values()

    assert (read.error, read.budgets) == (None, 4)
    expected = sample("pubsub_expected.json")
    assert read.messages["duplicates"] == expected["duplicates"]
    assert sorted(world.google.acknowledged) == sorted(expected["ack_ids"])
    assert world.google.waiting == []
    kept = world.kept()
    assert {(one.budget_id, shortest(one.amount), one.currency, one.period, one.scope) for one in kept.values()} >= {
        tuple(one[name] for name in ("budget_id", "cap_amount", "cap_currency", "period", "scope"))
        for one in sample("budgets_expected.json")["budgets"]
    }
    assert sorted(
        (one.billing_account, one.budget_id, shortest(of.amount), of.currency)
        for one in kept.values()
        for of in one.figures
    ) == sorted(
        tuple(one[name] for name in ("billing_account_id", "budget_id", "cost_amount", "currency"))
        for one in expected["snapshots"]
    )
    assert (kept["KI Budget"].period, kept["KI Budget"].currency) == (None, "EUR")


def test_the_ai_month_to_date_of_the_samples_is_the_expected_one(read_world):
    expected = sample("pubsub_expected.json")["ai_month_to_date"]

    known = read_world.kept().values()
    [(budget, spent)] = month_to_date(known, expected["month"])

    assert (budget.name, shortest(spent.amount), spent.currency) == tuple(
        expected[name] for name in ("budget", "amount", "currency")
    )
    assert [of.spent.amount for of in month_to_date(known, "2026-10")] == [903]
    assert month_to_date(known, "2026-12") == []


def test_every_answer_is_a_page_with_its_question_and_no_page_is_an_acknowledgement(read_world):
    pages = read_world.look(
        "SELECT json(page.request), read.state, read.window_start = read.window_end, read.account FROM page"
        ' INNER JOIN "fetch" AS read USING (fetch_id) ORDER BY read.seq, page.page_no'
    )
    asked = [(json.loads(request)["method"], json.loads(request)["path"]) for request, *_ in pages]
    assert asked == [("GET", LISTED), ("GET", LISTED), ("POST", PULL), ("POST", PULL)]
    assert {page[1:] for page in pages} == {("complete", True, "default")}
    assert read_world.look("SELECT count(*) FROM answer") == [(0,)]


def test_reading_again_changes_nothing(read_world):
    settings = "SELECT * EXCLUDE (fetch_id) FROM budget ORDER BY ALL"
    before = read_world.look(FIGURES), read_world.look(settings)
    assert read_world.read()["default"].messages["deliveries"] == 12
    assert (read_world.look(FIGURES), read_world.look(settings)) == before


@pytest.mark.parametrize(
    ("published", "amount"),
    [
        ("2026-11-17T09:00:00Z", "533.77"),
        ("2026-11-18T13:00:00Z", "533.77"),
        ("2026-11-18T13:00:00.000000002Z", "12.34"),
    ],
)
def test_only_a_notification_that_was_published_later_changes_a_figure(read_world, published, amount):
    """The newest of the samples is of one nanosecond past one o'clock."""
    read_world.google.waiting = [notification(message="late", publishTime=published)]
    read_world.read()
    assert read_world.kept()["AI monthly cap"].figures[0].amount == Decimal(amount)


def test_a_kill_between_storing_and_acknowledging_costs_nothing_but_a_repetition(world):
    with killed_at("after_commit"), pytest.raises(Killed):
        world.read(GCP_BILLING_ACCOUNT_ID="")
    assert world.google.acknowledged == []
    world.warehouse.publish()
    before = world.look(FIGURES)
    assert len(before) == 6

    world.read(GCP_BILLING_ACCOUNT_ID="")

    assert world.look(FIGURES) == before
    assert len(world.google.acknowledged) == 12


def test_a_kill_before_the_commit_loses_nothing(world):
    with killed_at("before_commit"), pytest.raises(Killed):
        world.read(GCP_BILLING_ACCOUNT_ID="")
    assert world.google.acknowledged == []
    world.read(GCP_BILLING_ACCOUNT_ID="")
    assert len(world.look(FIGURES)) == 6


def test_a_failed_acknowledgement_is_only_a_warning(world, logged):
    world.google.refuse(ACKNOWLEDGE, 403, "error_403_permission.json")

    read = world.read()["default"]

    assert read.error is None
    assert len(world.google.paths(":pull")) == 1
    assert any(
        line.startswith("budgets.not_acknowledged default") and "Pub/Sub Subscriber" in line for line in logged()
    )
    before = world.look(FIGURES)
    world.google.refusals.clear()
    world.read()
    assert world.look(FIGURES) == before
    assert world.google.waiting == []


def test_it_pulls_until_nothing_is_left_and_not_for_ever(world):
    world.google.a_pull = 1
    world.google.waiting = [notification(message=f"m{n}") for n in range(5)]

    assert world.read(most_pulls=3)["default"].messages["messages"] == 3
    assert (len(world.google.paths(":pull")), len(world.google.waiting)) == (3, 2)

    world.read(most_pulls=20)
    assert (len(world.google.paths(":pull")), world.google.waiting) == (6, [])
    assert MOST_PULLS == 20


def test_only_the_id_of_a_rejected_message_is_logged(world, logged):
    world.read()
    rejected = [line for line in logged() if line.startswith("budgets.rejected")]
    assert rejected == [
        "budgets.rejected default 14000000000009 not_a_budget_notification",
        "budgets.rejected default 14000000000010 malformed",
    ]


def test_a_budget_is_asked_for_by_its_name(world):
    read = world.read(**NAMED)["default"]
    assert (read.error, read.budgets) == (None, 1)
    assert world.google.asked[0] == ("GET", f"/v1/{ONE}")
    assert world.kept()["AI monthly cap"].amount == Decimal("1000.5")


def test_a_budget_that_is_gone_is_kept_and_marked(read_world):
    world = read_world
    del world.google.budgets[f"/v1/{ONE}"]

    assert world.read(**NAMED)["default"].error is None

    gone = world.kept()["AI monthly cap"]
    assert (gone.gone, gone.amount, len(gone.figures)) == (True, Decimal("1000.5"), 2)
    assert world.look(FAILED)[0][0] == "rejected"
    assert month_to_date([gone], "2026-11") == []
    world.google.hold(*sample_budgets())
    world.read(**NAMED)
    assert not world.kept()["AI monthly cap"].gone


def test_a_budget_that_is_not_listed_any_more_is_gone(read_world):
    read_world.google.hold(*sample_budgets()[:3])
    read_world.read()
    assert {name for name, one in read_world.kept().items() if one.gone} == {"AI quarter"}


def test_a_name_of_no_budget_is_told(world):
    error = world.read(**{**NAMED, "GCP_BUDGET_NAME": f"billingAccounts/{BILLING_ACCOUNT}/budgets/other"})[
        "default"
    ].error
    assert "answered 404" in error
    assert "check GCP_BUDGET_NAME" in error


ERRORS = [
    (403, "error_403_quota_project.json", "unauthorized", "set-quota-project PROJECT"),
    (403, "error_403_api_disabled.json", "unauthorized", "gcloud services enable billingbudgets.googleapis.com"),
    (403, "error_403_permission.json", "unauthorized", "the role Billing Account Viewer"),
    (404, "error_404_budget.json", "rejected", "check GCP_BUDGET_NAME"),
    (401, "error_401_unauthenticated.json", "unauthorized", "set GCP_SA_JSON to credentials that are valid"),
    (429, "error_429_rate_limit.json", "rate_limited", "Quota exceeded"),
]


def test_every_documented_answer_has_its_remedy(world):
    names = [f"billingAccounts/{BILLING_ACCOUNT}/budgets/b{n}" for n in range(len(ERRORS))]
    for name, (status, body, *_) in zip(names, ERRORS, strict=True):
        world.google.refuse(f"/v1/{name}", status, body)

    read = world.read(GCP_BUDGET_NAME=",".join(names), GCP_BILLING_ACCOUNT_ID="")["default"]

    stored = {
        path: (error_class, error) for error_class, error in world.look(FAILED) for path in names if path in error
    }
    for name, (status, _, error_class, remedy) in zip(names, ERRORS, strict=True):
        assert stored[name][0] == error_class
        told = next(error for error in read.errors if name in error)
        assert f"answered {status}" in told
        assert remedy in told
        assert "\n" not in told
    assert read.error == f"{read.errors[0]} (and 5 more)"
    assert world.look("SELECT error, last_read_at FROM budget_read") == [(read.error, None)]
    assert read.messages["deliveries"] == 12, "what one interface refuses, the other may give"


def test_a_refused_subscription_has_its_remedy_too(world):
    other = "projects/ml-prod/subscriptions/other"
    world.google.refuse(PULL, 403, "error_403_permission.json")
    read = world.read(GCP_PUBSUB_SUBSCRIPTION__EU=other)

    assert "the role Pub/Sub Subscriber on the subscription, or check GCP_PUBSUB_SUBSCRIPTION" in read["default"].error
    assert f"{other}:pull answered 404" in read["eu"].error
    assert "; check GCP_PUBSUB_SUBSCRIPTION" in read["eu"].error
    assert read["default"].budgets == 4
    assert sorted(error for _, error in world.look(FAILED)) == sorted(one.error for one in read.values())


def test_it_waits_as_long_as_it_is_told_to(world):
    world.google.refuse(LISTED, 429, "error_429_rate_limit.json", times=1, retry_after="7")
    before = world.clock.instant
    read = world.read()["default"]
    assert (read.error, read.budgets) == (None, 4)
    assert (world.clock.instant - before).total_seconds() >= 7


def test_a_token_that_has_run_out_is_replaced_once(read_world):
    world = read_world
    given = world.google.tokens["given"]
    world.google.expired = {f"ya29.token{n}" for n in range(1, given + 1)}
    assert world.read()["default"].error is None
    assert world.google.tokens["given"] == given + 2


def test_a_page_of_another_shape_is_a_failed_fetch(world):
    world.google.hold({"name": f"billingAccounts/{BILLING_ACCOUNT}/budgets/x", "thresholdRules": "none"})
    read = world.read()["default"]
    assert "shape" in read.error
    assert world.look(FAILED.replace("error ", "pages ")) == [("schema", 1)]
    assert world.look("SELECT count(*) FROM budget") == [(0,)]


def test_one_account_fails_alone(world):
    eu = {
        "GCP_BILLING_ACCOUNT_ID__EU": "01EEEE-FFFFFF-000001",
        "GCP_PUBSUB_SUBSCRIPTION__EU": "projects/eu/subscriptions/none",
    }
    read = world.read(**eu)
    assert read["default"].error is None
    assert "check GCP_PUBSUB_SUBSCRIPTION" in read["eu"].error
    assert len(world.look(FIGURES)) == 6


def test_no_credential_is_stored_or_shown(world, logged):
    world.google.refuse(LISTED, 401, "error_401_unauthenticated.json")
    read = world.read()["default"]
    fetches, requests = world.look('FROM "fetch"'), world.look("SELECT request FROM page")
    told = f"{read} {logged()} {fetches} {requests}"
    assert "ya29" not in told
    assert "PRIVATE KEY" not in told


def test_nothing_is_asked_where_budgets_are_switched_off(world):
    assert world.read(ENABLE_VERTEX_BQ="true") == {}
    assert world.google.asked == []
