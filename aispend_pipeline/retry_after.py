"""What a `Retry-After` asks for: seconds, or an HTTP date."""

import email.utils
import re
from datetime import UTC, datetime

# More than anybody means; seconds that a date can still be moved by.
LONGEST = 365 * 86_400.0


def seconds(value: str | None, now: datetime) -> float | None:
    """The seconds to wait, at most `LONGEST`; none if nothing sensible is asked for. A date in the past means now."""
    if value is None:
        return None
    if re.fullmatch(r"[ \t]*[0-9]{1,30}[ \t]*", value, re.ASCII):
        return min(float(value), LONGEST)
    try:
        until = email.utils.parsedate_to_datetime(value)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((until - now).total_seconds(), 0.0), LONGEST)
    except (ValueError, IndexError, OverflowError):
        return None
