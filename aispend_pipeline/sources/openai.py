"""What OpenAI's organisation endpoints have in common: credentials, error codes, the page envelope.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026). Times are Unix seconds,
days are UTC, arrays are repeated parameters, and the key decides the organisation.
"""

from collections.abc import Sequence

import msgspec

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import Request
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.settings import DEFAULT_ACCOUNT, OpenAIAccount, Settings
from aispend_pipeline.sources.http import Endpoint

PROVIDER = "openai"
# Spend stops and used-up credit answer 429 too, and no waiting mends them.
NEVER_RETRY = frozenset(
    {
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "credit_balance_exhausted",
        "insufficient_quota",
    }
)


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool = False
    next_page: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)


def account_of(settings: Settings, name: str) -> OpenAIAccount:
    """The settings of account `name`; `KeyError` when there is none."""
    return {account.name: account for account in settings.openai}[name]


def accounts(settings: Settings) -> Sequence[str]:
    """The accounts to read: all that have a key, if OpenAI is on."""
    return [account.name for account in settings.openai] if settings.enabled(PROVIDER) else []


def endpoint(settings: Settings, name: str) -> Endpoint:
    """Where account `name` asks, and with which key."""
    account = account_of(settings, name)
    key = account.api_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    if account.org_id:
        headers["openai-organization"] = account.org_id
    setting = "OPENAI_API_KEY" + ("" if name == DEFAULT_ACCOUNT else f"__{name.upper()}")
    remedy = f"Set {setting} to an admin key with the right api.usage.read."
    return Endpoint(account.base_url, headers, (key,), remedy, NEVER_RETRY)


def cursor(body: bytes) -> str | None:
    """Where the next page is; none after the last.

    Raises `FetchError` (schema) for a page of another shape, or that announces more and does not say where.
    """
    page = decode(_envelope, body)
    if not page.has_more:
        return None
    if not page.next_page:
        raise FetchError(ErrorClass.SCHEMA, "has_more is true but next_page is missing: the answer is incomplete")
    return page.next_page


def following(request: Request, cursor: str) -> Request:
    """The same question at `cursor`, all other parameters unchanged."""
    return request.with_param("page", cursor)
