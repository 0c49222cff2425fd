"""The settings: `declared.py` has every one of them, `accounts.py` those that each account has of its own."""

from aispend_pipeline.settings.accounts import (
    ACCOUNT_TYPES,
    DEFAULT_ACCOUNT,
    KEY_SETTINGS,
    Account,
    AnthropicAccount,
    OpenAIAccount,
)
from aispend_pipeline.settings.declared import OURS, UNUSED, Settings

__all__ = [
    "ACCOUNT_TYPES",
    "DEFAULT_ACCOUNT",
    "KEY_SETTINGS",
    "OURS",
    "UNUSED",
    "Account",
    "AnthropicAccount",
    "OpenAIAccount",
    "Settings",
]
