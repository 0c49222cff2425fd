"""A believable organisation: two accounts at each provider, and what it is billed there.

Everything follows from the account, the day and how much of the day is over, so the same question
always has the same answer, and a running day grows. Prices are invented; they resemble real ones.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from aispend_pipeline import money
from aispend_pipeline.simulator import anthropic_books, google_books, openai_books
from aispend_pipeline.simulator.scenario import CALM, Scenario

ACCOUNTS = ("default", "eu")


def total(provider: str, account: str, days: Iterable[date], now: datetime, scenario: Scenario = CALM) -> Decimal:
    """What `provider` says at `now` that `account` is billed for `days`, USD; exact.

    Anthropic's report has no running day, so that only days that are over count there. Google's export of a day
    grows until noon of the next; beside `ACCOUNTS` it has accounts whose rows are in the table of another.
    """
    return money.add(_BILLED[provider](account, day, now, scenario) for day in days)


def _openai(account: str, day: date, now: datetime, scenario: Scenario) -> Decimal:
    return money.add(line.amount for line in openai_books.lines(account, day, now, scenario))


def _anthropic(account: str, day: date, now: datetime, scenario: Scenario) -> Decimal:
    cents = money.add(line.cents for line in anthropic_books.lines(account, day, now, scenario) or ())
    return cents.scaleb(-2)


_BILLED = {
    openai_books.PROVIDER: _openai,
    anthropic_books.PROVIDER: _anthropic,
    google_books.PROVIDER: google_books.net,
}
PROVIDERS = tuple(_BILLED)


def accounts(provider: str) -> tuple[str, ...]:
    """The accounts that `provider` bills: of Google also one whose rows are in the table of another."""
    return tuple(google_books.BILLED) if provider == google_books.PROVIDER else ACCOUNTS
