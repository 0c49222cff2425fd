"""The settings: `declared.py` has every one of them, `accounts.py` those that each account has of its own,
`alerts.py` caps and who is told of them."""

from aispend_pipeline.settings.accounts import (
    ACCOUNT_TYPES,
    DEFAULT_ACCOUNT,
    KEY_SETTINGS,
    Account,
    AnthropicAccount,
    OpenAIAccount,
)
from aispend_pipeline.settings.alerts import CHANNEL_SETTINGS, GLOBAL, AlertSettings
from aispend_pipeline.settings.declared import DOTENV, OURS, UNUSED, Settings

__all__ = [
    "ACCOUNT_TYPES",
    "CHANNEL_SETTINGS",
    "DEFAULT_ACCOUNT",
    "DOTENV",
    "GLOBAL",
    "KEY_SETTINGS",
    "OURS",
    "UNUSED",
    "Account",
    "AlertSettings",
    "AnthropicAccount",
    "OpenAIAccount",
    "Settings",
]
