"""The `aispend` command."""
