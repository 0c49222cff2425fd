"""The settings: `declared.py` has every one of them, `accounts.py` those that each account has of its own,
`alerts.py` caps and who is told of them, `service.py` where the query service listens and whom it answers."""

from aispend_pipeline.settings.accounts import (
    DEFAULT_ACCOUNT,
    Account,
    AnthropicAccount,
    KeyAccount,
    OpenAIAccount,
)
from aispend_pipeline.settings.alerts import CHANNEL_SETTINGS, GLOBAL, AlertSettings
from aispend_pipeline.settings.declared import ACCOUNT_TYPES, DOTENV, KEY_SETTINGS, OURS, Settings
from aispend_pipeline.settings.google import GoogleAccount

__all__ = [
    "ACCOUNT_TYPES",
    "CHANNEL_SETTINGS",
    "DEFAULT_ACCOUNT",
    "DOTENV",
    "GLOBAL",
    "KEY_SETTINGS",
    "OURS",
    "Account",
    "AlertSettings",
    "AnthropicAccount",
    "GoogleAccount",
    "KeyAccount",
    "OpenAIAccount",
    "Settings",
]
