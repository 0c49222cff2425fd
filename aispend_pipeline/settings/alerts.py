"""The settings of caps and alerts: how much may be spent, when that is said, and where."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from aispend_pipeline.caps.model import Caps
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.settings import smtp
from aispend_pipeline.settings.values import (
    Cap,
    Flag,
    HookSecret,
    Percentages,
    PublicAddress,
    SmtpUrl,
    Strict,
    Webhook,
    hook_keys,
    setting,
)

# The scope of all providers together.
GLOBAL = "global"
# The settings that make a channel for people, for those who have none.
CHANNEL_SETTINGS = "SLACK_WEBHOOK_URL, AISPEND_SMTP_URL or ALERT_EMAIL_WEBHOOK"
_A_DAY = 86_400


def _cap(alias: str, whose: str) -> Any:
    kind = "hard" if "HARD" in alias else "soft"
    return setting(alias, None, f"{kind} cap of {whose} a calendar month, USD; 0 is no cap", "250.00")


class AlertSettings(Strict):
    """What the environment says of caps and alerts. All times are seconds."""

    openai_soft_cap: Cap | None = _cap("OPENAI_SOFT_CAP", "OpenAI")
    openai_hard_cap: Cap | None = _cap("OPENAI_HARD_CAP", "OpenAI")
    anthropic_soft_cap: Cap | None = _cap("ANTHROPIC_SOFT_CAP", "Anthropic")
    anthropic_hard_cap: Cap | None = _cap("ANTHROPIC_HARD_CAP", "Anthropic")
    vertex_soft_cap: Cap | None = _cap("VERTEX_SOFT_CAP", "Google")
    vertex_hard_cap: Cap | None = _cap("VERTEX_HARD_CAP", "Google")
    global_soft_cap: Cap | None = _cap("GLOBAL_SOFT_CAP", "all together")
    global_hard_cap: Cap | None = _cap("GLOBAL_HARD_CAP", "all together")
    hard_caps_on_estimates: Flag = setting(
        "AISPEND_HARD_CAPS_ON_ESTIMATES",
        True,
        "count what is used and not billed yet towards hard caps too; soft caps always do",
        "true",
    )
    debounce_seconds: Annotated[int, Field(ge=60, le=7 * _A_DAY)] = setting(
        "AISPEND_DEBOUNCE_SECONDS",
        3600,
        "seconds that a told level stands before a lower one is told, 60 to 604800",
        "3600",
    )
    remind_soft_seconds: Annotated[int, Field(ge=0, le=31 * _A_DAY)] = setting(
        "AISPEND_REMIND_SOFT_SECONDS",
        0,
        "seconds between reminders of a soft cap that stays reached; 0 is never",
        "86400",
    )
    remind_hard_seconds: Annotated[int, Field(ge=0, le=31 * _A_DAY)] = setting(
        "AISPEND_REMIND_HARD_SECONDS",
        _A_DAY,
        "seconds between reminders of a hard cap that stays reached; 0 is never",
        "86400",
    )
    hook_hold_seconds: Annotated[int, Field(ge=0, le=31 * _A_DAY)] = setting(
        "AISPEND_HOOK_HOLD_SECONDS",
        21_600,
        "seconds that the hard-cap webhook's action stands at least, though spend falls below the cap",
        "21600",
    )
    settle_days: Annotated[int, Field(ge=0, le=28)] = setting(
        "AISPEND_SETTLE_DAYS",
        4,
        "days after a month's end in which late spend that reaches a cap is still told, 0 to 28",
        "4",
    )
    milestones: Percentages = setting(
        "AISPEND_MILESTONES", (), "percentages of the hard cap to be told of, separated by commas", "50,75,90"
    )
    forecast_alerts: Flag = setting(
        "AISPEND_FORECAST_ALERTS",
        False,
        "tell people, once for each cap and month, that the month is expected to reach it",
        "true",
    )
    slack_webhook_url: Webhook | None = setting(
        "SLACK_WEBHOOK_URL", None, "Slack's incoming webhook to tell", "https://hooks.slack.com/services/T0/B0/xyz"
    )
    alert_email_webhook: Webhook | None = setting(
        "ALERT_EMAIL_WEBHOOK", None, "webhook of a service that sends mail", "https://mail.example.com/send?to=finops"
    )
    smtp_url: SmtpUrl | None = setting(
        "AISPEND_SMTP_URL",
        None,
        "mail server: `smtp://user:password@host:587?from=a@x&to=b@y,c@z`; `smtps:` is TLS at once, `&tls=never` none",
        "smtp://user:password@mail.example.com:587?from=aispend@example.com&to=finops@example.com",
    )
    on_hardcap_webhook: Webhook | None = setting(
        "ON_HARDCAP_WEBHOOK",
        None,
        "webhook to call when a hard cap is reached, and when that is over",
        "https://ops.example.com/hardcap",
    )
    hook_secret: HookSecret | None = setting(
        "AISPEND_HOOK_SECRET",
        None,
        "signs the hard-cap webhook: `whsec_` and the output of `openssl rand -base64 32`; newest of two first",
        "whsec_Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE=",
    )
    heartbeat_url: Webhook | None = setting(
        "AISPEND_HEARTBEAT_URL",
        None,
        "address to ask for after each check of the caps with fresh data, so that a watcher notices silence",
        "https://hc.example.com/ping/1",
    )
    public_url: PublicAddress | None = setting(
        "AISPEND_PUBLIC_URL",
        None,
        "where people reach this service; links in messages lead there",
        "https://aispend.example.com",
    )

    @property
    def hook_keys(self) -> tuple[bytes, ...]:
        """The keys that sign the hook, newest first; none if it is not to be signed."""
        return hook_keys(self.hook_secret.get_secret_value()) if self.hook_secret else ()

    @property
    def smtp(self) -> smtp.Smtp | None:
        """The mail server and what to do there, none if mail is not sent by one."""
        return smtp.parse(self.smtp_url.get_secret_value()) if self.smtp_url else None

    def caps(self, scope: str) -> Caps:
        """The caps of `scope`; an amount of 0 is none."""
        amounts: list[Decimal | None] = [getattr(self, f"{scope}_{kind}_cap") for kind in ("soft", "hard")]
        return Caps(*(amount or None for amount in amounts))

    def contradictions(self) -> list[str]:
        """A line for each two settings that cannot both be meant."""
        lines = []
        for name in (*PROVIDERS, GLOBAL):
            soft, hard = self.caps(name).soft, self.caps(name).hard
            if soft and hard and soft > hard:
                lines.append(
                    f"{name.upper()}_SOFT_CAP: {soft} is above {name.upper()}_HARD_CAP, {hard};"
                    " lower the one or raise the other"
                )
        reminders = {"SOFT": self.remind_soft_seconds, "HARD": self.remind_hard_seconds}
        lines += [
            f"AISPEND_REMIND_{kind}_SECONDS: {seconds} is below AISPEND_DEBOUNCE_SECONDS, {self.debounce_seconds};"
            " raise it, or write 0 for never"
            for kind, seconds in reminders.items()
            if 0 < seconds < self.debounce_seconds
        ]
        return lines
