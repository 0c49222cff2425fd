"""What Anthropic's organisation endpoints have in common: credentials, times, call budget, paging.

Facts: the provider's Usage and Cost API guide. Times are RFC 3339 in UTC, arrays are repeated in brackets, and the
Admin API key alone decides the organisation.
"""

from datetime import date, datetime, timedelta

from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.settings import AnthropicAccount, Settings
from aispend_pipeline.sources.http import Endpoint
from aispend_pipeline.sources.reports import ReportSource

PROVIDER = "anthropic"
# The organisation's own monthly limit answers 429 too, without a Retry-After, and no waiting mends it.
NEVER_RETRY = frozenset({"enforced_spend_limit_reached"})


def account_of(settings: Settings, name: str) -> AnthropicAccount:
    """The settings of account `name`; `KeyError` when there is none."""
    return {account.name: account for account in settings.anthropic}[name]


class AnthropicSource(ReportSource):
    """What Anthropic's sources share; see `engine.Source`."""

    provider = PROVIDER

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where `account` asks, and with which key."""
        return endpoint(settings, account)


def endpoint(settings: Settings, name: str) -> Endpoint:
    """Where account `name` asks, with which key, and how often it may."""
    account = account_of(settings, name)
    key = account.api_key.get_secret_value()
    headers = {"x-api-key": key, "anthropic-version": settings.anthropic_version, "accept": "application/json"}
    remedy = (
        f"Set {account.main_setting} to an Admin API key (sk-ant-admin...), made in the Console by an"
        " admin of the organisation."
    )
    return Endpoint(
        account.base_url,
        headers,
        (key,),
        remedy,
        NEVER_RETRY,
        calls_per_hour=settings.anthropic_calls_per_hour,
        calls_left_header="anthropic-ratelimit-requests-remaining",
    )


def of_window(window: Window, now: datetime, bucket_width: str, buckets: int) -> list[tuple[str, str]]:
    """The parameters that name a window. The default limit hides older buckets silently, so it is always sent.

    The running day's window is left open at its end, which then is now.
    """
    params = [("starting_at", _instant(window.first)), ("bucket_width", bucket_width), ("limit", str(buckets))]
    if window.last < now.date():
        params.append(("ending_at", _instant(window.last + timedelta(days=1))))
    return params


def _instant(day: date) -> str:
    return utc_text(midnight(day))
