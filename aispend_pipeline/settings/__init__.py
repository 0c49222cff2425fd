"""The settings: `declared.py` has every one of them."""

from aispend_pipeline.settings.declared import DEFAULT_ACCOUNT, OURS, UNUSED, OpenAIAccount, Settings

__all__ = ["DEFAULT_ACCOUNT", "OURS", "UNUSED", "OpenAIAccount", "Settings"]
