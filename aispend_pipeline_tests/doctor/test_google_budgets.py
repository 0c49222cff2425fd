"""Budgets and the subscription of their messages examined: can they be read, and if not, what to do."""

import pytest
from starlette.responses import JSONResponse

from ..sources.google_world import sample
from .google import AISPEND, BUDGET, BUDGETS, MESSAGES, SUBSCRIPTION, A, budget, budgets


class TestBudgets:
    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (
                sample("error_403_permission", 403),
                "The caller does not have permission; give {whose} the role Billing Account Viewer on the billing"
                " account, or check GCP_BUDGET_NAME",
            ),
            (
                sample("error_404_budget", 404),
                "Requested entity was not found; check GCP_BUDGET_NAME; what {whose} must not see is answered like this"
                " too",
            ),
            (
                sample("error_403_api_disabled", 403),
                "Cloud Billing Budget API has not been used in project 111111111111 before or it is disabled. Enable"
                " it, then retry; enable it: gcloud services enable billingbudgets.googleapis.com --project"
                " 111111111111",
            ),
        ],
        ids=["permission", "gone", "disabled"],
    )
    def test_that_cannot_be_read_are_one_line(self, google, answer, said):
        google.says(BUDGETS, answer, answer)

        (_, line) = google.beside(GCP_BUDGET_NAME=BUDGET)

        assert line == f"FAIL /v1/{BUDGET} answered {answer.status_code}: " + said.format(whose=AISPEND)

    def test_a_role_that_is_missing_is_said_once_for_all(self, google):
        google.says(BUDGETS, *[sample("error_403_permission", 403)] * 3)

        assert len([line for line in google.beside(GCP_BUDGET_NAME=f"{BUDGET},{BUDGET}2") if "budgets/" in line]) == 1

    def test_one_that_is_gone_does_not_hide_the_others(self, google):
        google.says(BUDGETS, sample("error_404_budget", 404), JSONResponse(budget("AI")))

        said = google.beside(GCP_BUDGET_NAME=f"{BUDGET},{BUDGET}2")
        assert said[-2].startswith(f"FAIL /v1/{BUDGET} answered 404")
        assert said[-1] == f"ok   budget of the billing account {A} can be read: AI"

    def test_an_account_without_any_is_worth_a_word(self, google):
        google.says(BUDGETS, budgets())

        said = google.beside()
        assert said[-1] == f"note the billing account {A} has no budget that can be seen"


class TestTheSubscription:
    @pytest.mark.parametrize(
        ("answer", "line"),
        [
            (
                sample("error_403_permission", 403),
                "note the subscription {name} is not looked at, which takes the right pubsub.subscriptions.get; to pull"
                " from it, Pub/Sub Subscriber is enough",
            ),
            (
                sample("pubsub_error_404_subscription", 404),
                "FAIL /v1/{name} answered 404: Resource not found (resource=aispend-budgets); check"
                " GCP_PUBSUB_SUBSCRIPTION; what {whose} must not see is answered like this too",
            ),
            (
                sample("error_403_api_disabled", 403),
                "FAIL /v1/{name} answered 403: Cloud Billing Budget API has not been used in project 111111111111"
                " before or it is disabled. Enable it, then retry; enable it: gcloud services enable"
                " pubsub.googleapis.com --project 111111111111",
            ),
            (
                JSONResponse({"topic": "projects/p/topics/t", "pushConfig": {"pushEndpoint": "https://x.example"}}),
                "FAIL the subscription {name} pushes, and cannot be pulled from; set GCP_PUBSUB_SUBSCRIPTION to a pull"
                " subscription of projects/p/topics/t",
            ),
            (
                JSONResponse({"topic": "_deleted-topic_", "pushConfig": {}}),
                "FAIL the topic of the subscription {name} was deleted; set GCP_PUBSUB_SUBSCRIPTION to one of the"
                " budget's",
            ),
        ],
        ids=["not to be seen", "gone", "disabled", "push", "no topic"],
    )
    def test_is_looked_at(self, google, answer, line):
        google.says(MESSAGES, answer, answer)

        google.says(BUDGETS, budgets())
        said = google.beside(GCP_PUBSUB_SUBSCRIPTION=SUBSCRIPTION)

        assert said[-1] == line.format(name=SUBSCRIPTION, whose=AISPEND)
