"""Makes the calls of an application suffer the troubles of a scenario."""

from collections import Counter
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.simulator import anthropic_answers, google_answers, openai_answers
from aispend_pipeline.simulator.scenario import Outage, RateLimited, Scenario, Slow, Trouble

_OF_PATH = {
    "/v1/organizations/": "anthropic",
    "/bigquery/": "vertex",
    "/v1/billingAccounts/": "vertex",
    "/v1/projects/": "vertex",
}


def under(
    app: ASGIApp, scenario: Scenario, *, keys: Mapping[str, str] | None = None, clock: Clock | None = None
) -> ASGIApp:
    """`app` whose calls, counted apart from any other's, suffer `scenario`; `keys` say which account a call is of.

    The provider is told by the path: `/v1/organizations/...` is Anthropic's, `/bigquery/...`, `/v1/billingAccounts/...`
    and `/v1/projects/...` are Google's, and all else is OpenAI's.
    """
    its = clock or SystemClock()
    seen: Counter[int] = Counter()  # by trouble, the calls that it was about

    def hit(trouble: Trouble, provider: str, account: str | None, path: str) -> bool:
        """Whether `trouble` hits this call; counts it if it is about it."""
        about = trouble.where.holds(provider, account) and path.startswith(trouble.route)
        if not about or trouble.over(its.now(), seen[id(trouble)]):
            return False
        seen[id(trouble)] += 1
        return seen[id(trouble)] - 1 in trouble.calls

    async def troubled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, account = scope["path"], (keys or {}).get(_key(Headers(scope=scope)))
            provider = next((name for prefix, name in _OF_PATH.items() if path.startswith(prefix)), "openai")
            for trouble in [one for one in scenario.troubles if hit(one, provider, account, path)]:
                match trouble:
                    case Slow(seconds=seconds):
                        await its.sleep(seconds)
                    case Outage(status=status):
                        return await _down(provider, status, path)(scope, receive, send)
                    case RateLimited(retry_after=seconds_to_wait):
                        return await _limited(provider, seconds_to_wait, path)(scope, receive, send)
        return await app(scope, receive, send)

    return troubled


def _key(headers: Headers) -> str:
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def _down(provider: str, status: int, path: str) -> Response:
    if provider == "anthropic":
        kind, message = {529: ("overloaded_error", "Overloaded"), 504: ("timeout_error", "Request timed out")}.get(
            status, ("api_error", "Internal server error")
        )
        return anthropic_answers.error(status, kind, message)
    if provider == "vertex":
        return google_answers.down(status, path)
    message = "The server had an error while processing your request. Sorry about that!"
    return openai_answers.error(status, message, kind="server_error")


def _limited(provider: str, retry_after: int | None, path: str) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    if provider == "anthropic":
        return anthropic_answers.error(429, "rate_limit_error", anthropic_answers.OVER_LIMIT, headers)
    if provider == "vertex":
        return google_answers.limited(path, headers)
    message = "Rate limit reached for requests"
    return openai_answers.error(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)
