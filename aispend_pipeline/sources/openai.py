"""What OpenAI's organisation endpoints have in common: credentials, error codes, times, paging.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026). Times are Unix seconds,
days are UTC, arrays are repeated parameters, and the key decides the organisation.
"""

from datetime import date, datetime, timedelta

from aispend_pipeline.model import Window, midnight
from aispend_pipeline.settings import OpenAIAccount, Settings
from aispend_pipeline.sources.http import Endpoint
from aispend_pipeline.sources.reports import ReportSource

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


def account_of(settings: Settings, name: str) -> OpenAIAccount:
    """The settings of account `name`; `KeyError` when there is none."""
    return {account.name: account for account in settings.openai}[name]


class OpenAISource(ReportSource):
    """What OpenAI's sources share; see `engine.Source`."""

    provider = PROVIDER

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where `account` asks, and with which key."""
        return endpoint(settings, account)


def endpoint(settings: Settings, name: str) -> Endpoint:
    """Where account `name` asks, and with which key."""
    account = account_of(settings, name)
    key = account.api_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    if account.org_id:
        headers["openai-organization"] = account.org_id
    remedy = f"Set {account.main_setting} to an admin key with the right api.usage.read."
    return Endpoint(account.base_url, headers, (key,), remedy, NEVER_RETRY)


def of_window(window: Window, now: datetime, bucket_width: str, buckets: int) -> list[tuple[str, str]]:
    """The parameters that name a window. The default limit hides older buckets silently, so it is always sent.

    The running day's window is left open at its end: a time that is in the provider's future was refused elsewhere.
    """
    params = [("start_time", _seconds(window.first)), ("bucket_width", bucket_width), ("limit", str(buckets))]
    if window.last < now.date():
        params.append(("end_time", _seconds(window.last + timedelta(days=1))))
    return params


def _seconds(day: date) -> str:
    return str(int(midnight(day).timestamp()))
