"""Each error that a provider documents, and answers that are none of its: one line with one remedy."""

import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai

from .world import ANTHROPIC_KEY, OPENAI_KEY, SAMPLES, about, answering, examined, trouble

COSTS, ME, REPORT = "/organization/costs", "/v1/organizations/me", "/v1/organizations/cost_report"
WANTED = "an Admin API key (sk-ant-admin...), made in the Console by an admin of the organisation"
INDIVIDUAL = "individual accounts have none: set up an organisation in the Console, under Settings"
SCOPE = "give the key the scope api.usage.read, or set OPENAI_API_KEY to an admin key that has it"
NO_PERMISSION = "You have insufficient permissions for this operation. Missing scopes: api.usage.read"
LONG = (
    f"{NO_PERMISSION}. Check that you have the correct role in your organization, and if you're using a restricted API"
    " key, that it has the necessary scopes"
)


@pytest.mark.parametrize(
    ("status", "file", "headers", "said"),
    [
        (
            401,
            "error_401_invalid_key",
            {},
            f"{COSTS} answered 401: Incorrect API key provided: [key]. You can find your API key at"
            " https://platform.openai.com/account/api-keys; set OPENAI_API_KEY to an admin key (sk-admin-...), made by"
            " an owner of the organisation, that is neither revoked nor expired",
        ),
        (403, "error_403_missing_scope", {}, f"{COSTS} answered 403: {LONG}; {SCOPE}"),
        (401, "error_403_missing_scope", {}, f"{COSTS} answered 401: {LONG}; {SCOPE}"),
        (403, "error_403_missing_scope_string_variant", {}, f"{COSTS} answered 403: {NO_PERMISSION}; {SCOPE}"),
        (
            429,
            "error_429_rate_limit",
            {"retry-after": "90"},
            f"{COSTS} answered 429: Rate limit reached for requests; the key is asked too often, by other programs too;"
            " try again after 2026-11-25 13:21:30 UTC",
        ),
        (
            429,
            "error_429_rate_limit",
            {},
            f"{COSTS} answered 429: Rate limit reached for requests; the key is asked too often, by other programs too;"
            " try again in some minutes",
        ),
        (
            429,
            "error_429_project_spend_limit",
            {},
            f"{COSTS} answered 429: This project has reached its configured spend limit; raise the limit in OpenAI's"
            " settings, under Limits",
        ),
        (
            500,
            "error_500",
            {},
            f"{COSTS} answered 500: The server had an error while processing your request. Sorry about that!; the"
            " trouble is the provider's: look at its status page, and run: aispend doctor",
        ),
    ],
)
def test_openais_errors(world, capsys, status, file, headers, said):
    world.with_openai(answering(status, SAMPLES / "openai" / f"{file}.json", headers))

    code, lines = examined(world, capsys)

    assert (code, trouble(lines, "openai default")) == (1, f"FAIL openai default: {said}")


@pytest.mark.parametrize(
    ("status", "file", "headers", "said"),
    [
        (
            401,
            "error_401_authentication",
            {},
            f"{REPORT} answered 401: invalid x-api-key; set ANTHROPIC_API_KEY to {WANTED}, that is not revoked; any"
            " other kind is refused like this",
        ),
        (
            403,
            "error_403_permission",
            {},
            f"{REPORT} answered 403: Your API key does not have permission to use the specified resource;"
            f" set ANTHROPIC_API_KEY to {WANTED}; {INDIVIDUAL}",
        ),
        (
            404,
            "error_404_not_found",
            {},
            f"{REPORT} answered 404: The requested resource could not be found; set ANTHROPIC_API_KEY to a key of an"
            f" organisation that has the cost report; {INDIVIDUAL}",
        ),
        (
            429,
            "error_429_rate_limit",
            {"retry-after": "600"},
            f"{REPORT} answered 429: This request would exceed your organization's rate limit; the key is asked too"
            " often, by other programs too; try again after 2026-11-25 13:30:00 UTC",
        ),
        (
            429,
            "error_429_enforced_spend_limit",
            {},
            f"{REPORT} answered 429: Your organization has reached its monthly spend limit; raise the monthly limit in"
            " the Console, under Limits",
        ),
        (
            529,
            "error_529_overloaded",
            {},
            f"{REPORT} answered 529: Overloaded; the trouble is the provider's: look at its status page, and run:"
            " aispend doctor",
        ),
    ],
)
def test_anthropics_errors(world, capsys, status, file, headers, said):
    world.with_anthropic(answering(status, SAMPLES / "anthropic" / f"{file}.json", headers))

    code, lines = examined(world, capsys)

    assert (code, trouble(lines, "anthropic default")) == (1, f"FAIL anthropic default: {said}")


def test_a_key_of_the_wrong_kind_that_is_refused_is_one_problem(world, capsys):
    world.with_openai(key="sk-proj-doctor-44f0")
    world.with_anthropic(key="sk-ant-api03-doctor-44f1")

    code, lines = examined(world, capsys)

    assert code == 1
    assert about(lines, "openai default", "anthropic default") == [
        "FAIL openai default: OPENAI_API_KEY is a project's key, which cannot read the bill; set it to"
        " an admin key (sk-admin-...), made by an owner of the organisation",
        f"FAIL anthropic default: ANTHROPIC_API_KEY is a workspace's key, which cannot read the bill;"
        f" set it to {WANTED}",
    ]


def test_a_key_that_looks_wrong_and_reads_the_bill_is_only_a_note(world, capsys):
    world.with_openai(openai({"sk-doctor-5a5a5a": "default"}, world.clock), key="sk-doctor-5a5a5a")

    code, lines = examined(world, capsys)

    assert (code, trouble(lines, "openai default")) == (
        0,
        "note openai default: OPENAI_API_KEY looks like a project's or a user's key, and reads the bill all the same",
    )


def test_a_key_of_another_organisation(world, capsys):
    world.with_anthropic()

    code, lines = examined(world, capsys, ANTHROPIC_ORG_ID="org_of_others")

    assert (code, trouble(lines, "anthropic default")) == (
        1,
        "FAIL anthropic default: the key is of the organisation org_sim_default, Example (default), and not of"
        " ANTHROPIC_ORG_ID; set ANTHROPIC_API_KEY to a key of that organisation, or mend ANTHROPIC_ORG_ID",
    )


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_a_provider_that_does_not_say_whose_key_it_is(world, capsys, status):
    async def me(request):
        return JSONResponse({"error": {"message": "not here"}}, status)

    simulated = anthropic({ANTHROPIC_KEY: "default"}, world.clock)
    world.with_anthropic(Starlette(routes=[Route(ME, me), *simulated.routes]))

    without, lines = examined(world, capsys)

    assert (without, about(lines, "anthropic default")[0][:4]) == (0, "ok  ")
    assert len(about(lines, "anthropic default")) == 2

    told, lines = examined(world, capsys, ANTHROPIC_ORG_ID="org_sim_default")

    assert (told, trouble(lines, "anthropic default")) == (
        0,
        "note anthropic default: the provider does not say whose key it is, so that ANTHROPIC_ORG_ID is not checked",
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>sign in</html>", "answered 200 with something that is no JSON object"),
        (302, b"", "answered 302; redirects are not followed"),
    ],
)
def test_something_else_answers(world, capsys, status, body, said):
    base = world.with_openai(answering(status, body))

    _, lines = examined(world, capsys)

    assert trouble(lines, "openai default") == (
        f"FAIL openai default: {COSTS} {said}; what answers at {base} is not the provider: a proxy or a sign-in page"
        " perhaps; mend it, or set OPENAI_BASE_URL"
    )


def test_a_report_of_a_shape_that_is_not_known(world, capsys):
    world.with_openai(answering(200, json.dumps({"data": [{"start": 1}]}).encode()))

    code, lines = examined(world, capsys)

    assert code == 1
    assert trouble(lines, "openai default").startswith(
        "FAIL openai default: the page's shape is not the known one: Object missing required field"
    )
    assert trouble(lines, "openai default").endswith(
        "; run aispend doctor again; if it stays, tell the makers of aispend"
    )


def test_an_answer_that_repeats_the_key_does_not_show_it(world, capsys):
    world.with_openai(answering(401, json.dumps({"error": {"message": f"{OPENAI_KEY} is wrong"}}).encode()))

    _, lines = examined(world, capsys)

    assert "answered 401: [key] is wrong; set OPENAI_API_KEY" in trouble(lines, "openai default")


def test_a_call_that_is_worth_it_is_made_once_more(world, capsys):
    simulated = openai({OPENAI_KEY: "default"}, world.clock)
    troubles = [answering(500, b"{}")]

    async def stumbling(scope, receive, send):
        await (troubles.pop() if troubles else simulated)(scope, receive, send)

    base = world.with_openai(stumbling)

    code, lines = examined(world, capsys)

    assert (code, about(lines, "openai default")[-1]) == (0, f"ok   openai default: the bill can be read at {base}")


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_anthropic_is_asked_three_times_at_most(world, capsys, failing):
    simulated = anthropic({ANTHROPIC_KEY: "default"}, world.clock)
    asked = []

    async def counting(scope, receive, send):
        asked.append(scope["path"])
        await (answering(500, b"{}") if len(asked) <= failing else simulated)(scope, receive, send)

    world.with_anthropic(counting)
    examined(world, capsys)

    assert asked == {0: [REPORT, ME], 1: [REPORT, REPORT, ME], 2: [REPORT, REPORT]}[failing]
