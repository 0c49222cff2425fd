"""The simulated token endpoint, budgets and Pub/Sub answer in the documented shapes, and so do their errors."""

import base64
import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import pubsub
from aispend_pipeline.simulator.google import environment, google, subscription, table_name
from aispend_pipeline.simulator.google_books import BILLED, lines
from aispend_pipeline.simulator.google_budgets import budgets_of, month_of
from aispend_pipeline.simulator.google_tokens import refresh_token, service_account_json
from aispend_pipeline.simulator.scenario import Outage, RateLimited, Scenario, Where

from ..service.world import NOW
from .google_calls import sample

ACCOUNTS = ("default", "eu")
SAMPLE_ACCOUNT = "01AAAA-BBBBBB-CCCCCC"
OURS = BILLED["default"].account_id
BUDGETS = f"/v1/billingAccounts/{OURS}/budgets"
PULL, ACKNOWLEDGE = (f"/v1/{subscription('default')}:{verb}" for verb in ("pull", "acknowledge"))


@pytest.fixture
def asking(clock):
    """A client with a token of an account of a Google told apart by `how`."""

    def make(account: str = "default", **how) -> TestClient:
        app = google(ACCOUNTS, clock, **how)
        return TestClient(app, headers={"authorization": f"Bearer {app.state.tokens.issue(account)}"})

    return make


def errors(answer: httpx.Response, name: str) -> None:
    """Assert that an answer is the sample of an error."""
    body = sample(name)
    assert (answer.status_code, answer.json()) == (body["error"]["code"], body)


def pulled(client: TestClient, most: int = 100) -> list[dict]:
    return client.post(PULL, json={"maxMessages": most}).json().get("receivedMessages", [])


def told(message: dict) -> dict:
    return json.loads(base64.b64decode(message["data"]), parse_float=Decimal, parse_int=Decimal)


def test_a_key_gets_a_token_as_documented_and_a_new_one_when_it_has_expired(serve_app, clock):
    app = google(ACCOUNTS, clock)
    base_url = serve_app(app)
    info = json.loads(service_account_json(base_url, "eu"))
    made = service_account.Credentials.from_service_account_info(info, scopes=["bigquery"])
    made.refresh(Request())

    assert app.state.tokens[made.token] == "eu"
    ask = {"grant_type": "refresh_token", "refresh_token": refresh_token()}
    answer = httpx.post(f"{base_url}/token", data=ask).json()
    assert set(answer) == set(sample("token_response.json"))
    assert (app.state.tokens[answer["access_token"]], answer["expires_in"]) == ("default", 3599)
    clock.instant += timedelta(seconds=3599)
    assert list(app.state.tokens) == []


def test_a_person_s_login_gets_tokens_too(serve_app, clock):
    app = google(ACCOUNTS, clock)
    made = credentials.Credentials(
        None, refresh_token(), token_uri=f"{serve_app(app)}/token", client_id="x", client_secret="y"
    )
    made.refresh(Request())

    assert app.state.tokens[made.token] == "default"


def test_a_key_that_is_not_ours_is_refused_as_documented(clock):
    client = TestClient(google(ACCOUNTS, clock))
    bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

    for assertion in ("", "a.b.c", "nonsense"):
        answer = client.post("/token", data={"grant_type": bearer, "assertion": assertion})
        assert (answer.status_code, answer.json()) == (400, sample("token_error_400_invalid_grant.json"))
    stranger = client.post("/token", data={"grant_type": "refresh_token", "refresh_token": "1//x"})
    assert (stranger.status_code, stranger.json()["error"]) == (400, "invalid_grant")


def test_the_key_of_an_account_that_is_not_served_gets_no_token(serve_app, clock):
    base_url = serve_app(google(("default",), clock))
    made = service_account.Credentials.from_service_account_info(json.loads(service_account_json(base_url, "eu")))

    with pytest.raises(RefreshError, match="account not found"):
        made.refresh(Request())


def test_a_token_endpoint_may_be_down_or_say_nothing(serve_app, clock):
    app = google(ACCOUNTS, clock)
    base_url = serve_app(app)
    app.state.tokens.trouble = "down"
    assert httpx.post(f"{base_url}/token").status_code == 500
    app.state.tokens.trouble = "hang"
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{base_url}/token", timeout=0.2)


@pytest.mark.parametrize("path", [BUDGETS, f"/v1/billingAccounts/{OURS}", "/bigquery/v2/projects/p/queries/j"])
def test_without_a_valid_token_nothing_is_told(asking, path):
    client = asking()
    client.headers["authorization"] = "Bearer ya29.wrong"

    errors(client.get(path), "error_401_unauthenticated.json")


def test_a_token_that_has_expired_is_valid_no_more(asking, clock):
    client = asking()
    assert client.get(BUDGETS).status_code == 200
    clock.instant += timedelta(hours=1)

    errors(client.get(BUDGETS), "error_401_unauthenticated.json")


def test_budgets_are_told_page_by_page_and_one_by_one(asking):
    client = asking()
    first = client.get(BUDGETS, params={"pageSize": 1}).json()
    second = client.get(BUDGETS, params={"pageSize": 1, "pageToken": first["nextPageToken"]}).json()
    budgets = [*first["budgets"], *second["budgets"]]

    assert "nextPageToken" not in second
    assert client.get(BUDGETS).json() == {"budgets": budgets}
    known = [*sample("budgets_list_page_1.json")["budgets"], *sample("budgets_list_page_2.json")["budgets"]]
    for budget in budgets:
        assert client.get(f"/v1/{budget['name']}").json() == budget
        assert set(budget) == set(sample("budget_get.json"))
        for part in ("budgetFilter", "amount", "notificationsRule"):
            assert set(budget[part]) <= {name for one in known for name in one.get(part, ())}
    assert [set(budget["amount"]) for budget in budgets] == [{"specifiedAmount"}, {"lastPeriodAmount"}]
    assert client.get(BUDGETS, params={"pageToken": "nonsense"}).status_code == 400


def test_given_budgets_are_told_as_they_are(asking):
    pages = [sample("budgets_list_page_1.json"), sample("budgets_list_page_2.json")]
    client = asking(budgets={SAMPLE_ACCOUNT: [budget for page in pages for budget in page["budgets"]]})
    account = f"/v1/billingAccounts/{SAMPLE_ACCOUNT}"
    first = client.get(f"{account}/budgets", params={"pageSize": 2}).json()
    second = client.get(f"{account}/budgets", params={"pageSize": 2, "pageToken": first["nextPageToken"]}).json()

    assert [first["budgets"], second["budgets"]] == [page["budgets"] for page in pages]
    one = sample("budget_get.json")
    assert client.get(f"/v1/{one['name']}").json() == one
    assert set(client.get(account).json()) == set(sample("billing_account_get.json"))


def test_budgets_that_are_not_there_or_not_ours_to_see_are_refused_as_documented(asking):
    errors(asking().get(f"{BUDGETS}/3f1c2d4e-0000-4000-8000-0000000000ff"), "error_404_budget.json")
    errors(asking().get(f"/v1/billingAccounts/{SAMPLE_ACCOUNT}/budgets"), "error_403_permission.json")
    errors(asking("eu", denied=("eu",)).get(BUDGETS), "error_403_permission.json")


@pytest.mark.parametrize("account", BILLED)
def test_a_cap_fits_the_books(account):
    budget, everything = budgets_of(BILLED[account])
    cost = budget.cost(month_of(NOW), datetime(2026, 7, 1, 7, tzinfo=NOW.tzinfo), NOW + timedelta(days=60))

    assert 1 < cost < 2 * budget.amount(NOW)
    assert everything.amount(NOW) > 0
    specified = budget.told(NOW)["amount"]["specifiedAmount"]
    amount = Decimal(specified["units"]) + Decimal(specified.get("nanos", 0)).scaleb(-9)
    assert (amount, specified["currencyCode"]) == (budget.amount(NOW), BILLED[account].currency)


def test_messages_wait_until_they_are_acknowledged(asking):
    client = asking()
    first, again = pulled(client, 5), pulled(client, 5)

    assert [one["message"] for one in first] == [one["message"] for one in again]
    assert not {one["ackId"] for one in first} & {one["ackId"] for one in again}
    assert client.post(ACKNOWLEDGE, json={"ackIds": [one["ackId"] for one in again]}).json() == {}
    seen = {one["message"]["messageId"] for one in first}
    while rest := pulled(client, 7):
        assert not seen & {one["message"]["messageId"] for one in rest}
        seen |= {one["message"]["messageId"] for one in rest}
        client.post(ACKNOWLEDGE, json={"ackIds": [one["ackId"] for one in rest]})
    assert client.post(PULL, json={"maxMessages": 1}).json() == sample("pubsub_pull_response_empty.json")


def test_notifications_are_of_the_documented_shape_several_a_day_repeated_and_in_no_order(asking):
    received = pulled(asking())
    (known,) = (one for one in sample("pubsub_pull_response.json")["receivedMessages"] if one["ackId"] == "ack-002")

    for one in received:
        assert set(one) == set(known)
        assert set(one["message"]) == set(known["message"])
        assert set(one["message"]["attributes"]) == set(known["message"]["attributes"])
        assert set(told(one["message"])) | {"alertThresholdExceeded"} == set(told(known["message"]))
    ids = [one["message"]["messageId"] for one in received]
    times = [one["message"]["publishTime"] for one in received]
    assert len(set(ids)) < len(ids)
    assert times != sorted(times)
    assert len({time for time in times if time.startswith("2026-06-11")}) == 3


def test_a_notification_tells_the_month_to_date_of_the_books(asking):
    received = [one["message"] for one in pulled(asking())]
    newest = max((one for one in received if told(one)["budgetDisplayName"] == "AI monthly cap"
                  and one["attributes"]["billingAccountId"] == OURS), key=lambda one: one["publishTime"])  # fmt: skip
    at = datetime.fromisoformat(newest["publishTime"])
    start = datetime.fromisoformat("2026-06-01T07:00:00+00:00")

    cost = sum(
        line.cost + line.given
        for day in Window(date(2026, 6, 1), NOW.date()).days()
        for line in lines("default", day, at)
        if line.start >= start and line.meter.service.description in ("Vertex AI", "Gemini API")
    )
    assert told(newest)["costAmount"] == round(cost, 2)
    assert told(newest)["costIntervalStart"] == "2026-06-01T07:00:00Z"


def test_a_budget_of_everything_is_before_credits_and_before_tax():
    _, everything = budgets_of(BILLED["default"])
    start, end = month_of(NOW), datetime(2026, 6, 4, tzinfo=NOW.tzinfo)
    used = [line for day in Window(date(2026, 6, 1), date(2026, 6, 3)).days() for line in lines("default", day, NOW)]

    cost = everything.cost(start, end, NOW)
    assert cost == sum(line.cost for line in used if line.start >= start and line.meter.sku != "Tax") - Decimal("4e-6")


def test_a_month_that_is_over_is_told_of_for_a_while():
    def starts(now: datetime) -> set[str]:
        return {json.loads(one.data)["costIntervalStart"] for one in pubsub.notifications("eu", now)}

    turn = datetime(2026, 6, 1, 12, tzinfo=NOW.tzinfo)
    assert starts(turn) == {"2026-05-01T07:00:00Z", "2026-06-01T07:00:00Z"}
    assert starts(turn + timedelta(days=4)) == {"2026-06-01T07:00:00Z"}


def test_given_messages_are_told_as_they_are(asking):
    pages = [sample("pubsub_pull_response.json"), sample("pubsub_pull_response_2.json")]
    messages = [message for page in pages for message in pubsub.given(page)]
    received = pulled(asking(messages=messages))

    assert [one["message"] for one in received] == [
        one["message"] for page in pages for one in page["receivedMessages"]
    ]


def test_pulls_that_are_wrong_are_refused_as_documented(asking):
    gone = asking().post(PULL.replace("aispend-default", "aispend-budgets"), json={"maxMessages": 1})
    errors(gone, "pubsub_error_404_subscription.json")
    for most in (0, -1, "many", None):
        answer = asking().post(PULL, json={"maxMessages": most})
        assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert asking("eu", denied=("eu",)).post(PULL, json={"maxMessages": 1}).status_code == 403
    assert asking().post(PULL, content=b"{").status_code == 400


def test_outages_and_limits_hit_the_calls_of_one_account_and_no_token(clock):
    scenario = Scenario((Outage(Where("vertex", "eu"), status=503), RateLimited(Where("openai"))))
    app = google(ACCOUNTS, clock, scenario=scenario)

    def status(account: str, path: str) -> int:
        headers = {"authorization": f"Bearer {app.state.tokens.issue(account)}"}
        return TestClient(app).get(path, headers=headers).status_code

    paths = [BUDGETS, f"/bigquery/v2/projects/p/datasets/d/tables/{table_name('eu')}"]
    assert [status(account, path) for account in ACCOUNTS for path in paths] == [200, 404, 503, 503]
    ask = {"grant_type": "refresh_token", "refresh_token": refresh_token("eu")}
    assert TestClient(app).post("/token", data=ask).status_code == 200


def test_a_limit_of_calls_speaks_as_documented(asking):
    client = asking(scenario=Scenario((RateLimited(retry_after=7, calls=range(2)),)))
    answer = client.get(BUDGETS)

    errors(answer, "error_429_rate_limit.json")
    assert answer.headers["retry-after"] == "7"
    assert client.post(PULL, json={"maxMessages": 1}).json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert client.get(BUDGETS).status_code == 200


def test_the_settings_that_it_gives_are_those_of_its_tables(clock):
    settings = Settings.load(environment("http://127.0.0.1:8"), dotenv=None)

    assert {account.name: account.table for account in settings.vertex} == {name: table_name(name) for name in ACCOUNTS}
    assert {account.own_billing_account for account in settings.vertex} == {OURS, BILLED["eu"].account_id}
