"""The channels that are configured, by name, made anew from the current settings for each round of sending."""

from dataclasses import dataclass, field
from datetime import datetime

from aispend_pipeline.alerts import http, signature
from aispend_pipeline.alerts.attempts import Attempted, Channel, Fault, Outcome, Outgoing, SendLimits
from aispend_pipeline.alerts.smtp import Mail
from aispend_pipeline.settings import AlertSettings
from aispend_pipeline.settings.values import SecretAddress

__all__ = ["Attempted", "Channel", "Fault", "Outcome", "Outgoing", "SendLimits", "channels", "heartbeat"]

SLACK, EMAIL, EMAIL_WEBHOOK, HOOK = "slack", "email", "email_webhook", "hook"
DEFAULT_LIMITS = SendLimits()


@dataclass(frozen=True)
class Webhook:
    """A webhook that shows people a message."""

    name: str
    address: SecretAddress
    limits: SendLimits

    async def send(self, outgoing: Outgoing, now: datetime) -> Attempted:
        """Post it once."""
        headers = {
            "content-type": "application/json",
            "aispend-attempt": str(outgoing.attempt),
            **self._named(outgoing, now),
        }
        address = self.address.get_secret_value()
        return await http.ask("POST", address, self.limits, headers=headers, body=outgoing.body, now=now)

    def _named(self, outgoing: Outgoing, now: datetime) -> dict[str, str]:
        """The headers by which a receiver knows what it has had before."""
        return {"aispend-id": outgoing.delivery_id}


@dataclass(frozen=True)
class Hook(Webhook):
    """The webhook that has a machine act; without keys it is unsigned."""

    keys: tuple[bytes, ...] = field(repr=False)

    def _named(self, outgoing: Outgoing, now: datetime) -> dict[str, str]:
        return signature.headers(outgoing.delivery_id, now, outgoing.body, self.keys)


def channels(settings: AlertSettings, limits: SendLimits = DEFAULT_LIMITS) -> dict[str, Channel]:
    """The configured channels. Mail goes by SMTP if that is set; a mail webhook is then a channel of its own."""
    made: list[Channel] = []
    if settings.slack_webhook_url:
        made.append(Webhook(SLACK, settings.slack_webhook_url, limits))
    if settings.smtp:
        made.append(Mail(EMAIL, settings.smtp, limits))
    if settings.alert_email_webhook:
        made.append(Webhook(EMAIL_WEBHOOK if settings.smtp else EMAIL, settings.alert_email_webhook, limits))
    if settings.on_hardcap_webhook:
        made.append(Hook(HOOK, settings.on_hardcap_webhook, limits, settings.hook_keys))
    return {channel.name: channel for channel in made}


async def heartbeat(address: str, limits: SendLimits) -> Attempted:
    """Tell an outside watcher that all is running: a GET with the bounds of any attempt."""
    return await http.ask("GET", address, limits)
