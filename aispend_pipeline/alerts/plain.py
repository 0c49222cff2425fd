"""Plain text for people: untrusted names on one line, amounts as on a screen, instants to the minute in UTC."""

from datetime import UTC, datetime
from decimal import Decimal

from aispend_pipeline import money

# Characters of an untrusted text that are shown.
LONGEST = 200
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def plain(text: str | None) -> str:
    """An untrusted text on one line, without what could do something to a screen, and cut where it gets long."""
    kept = "".join(letter for letter in text or "" if letter.isprintable() or letter.isspace())
    return cut(" ".join(kept.split()), LONGEST)


def cut(text: str, most: int) -> str:
    """At most that many characters of `text`; the last one says that there were more."""
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def minute(instant: datetime) -> str:
    """`2026-11-10 11:05 UTC`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def minute_of(text: str) -> str:
    """The same of an instant as facts hold it."""
    return minute(datetime.fromisoformat(text))


def usd(text: str) -> str:
    """An amount as facts hold it, as on a screen."""
    return money.on_screen(Decimal(text))


def more(count: int) -> list[str]:
    """The line for what a list leaves out, if it leaves out any."""
    return [f"and {count} more"] if count > 0 else []
