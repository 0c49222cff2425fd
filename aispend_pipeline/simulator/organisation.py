"""A believable organisation: two accounts at each provider, what it uses and what it is billed there.

Everything follows from the account, the day and how much of the day is over, so the same question
always has the same answer, and a running day grows. OpenAI and Anthropic bill list prices less a discount.
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


def used_usd(provider: str, account: str, day: date, now: datetime, *, at_list: bool = False) -> Decimal:
    """What `account` has used of `day` by `now`, as it will be billed, whatever the bill says at `now`, USD; exact.

    `at_list` it is at list prices, and what is free of charge is worth its price. Credits are not in it, nor tiers
    that are never billed. Google is not known here: what is used there comes only with its bill.
    """
    return _USED[provider](account, day, now, at_list)


def _openai(account: str, day: date, now: datetime, scenario: Scenario) -> Decimal:
    return money.add(line.amount for line in openai_books.lines(account, day, now, scenario))


def _anthropic(account: str, day: date, now: datetime, scenario: Scenario) -> Decimal:
    return _usd(anthropic_books.lines(account, day, now, scenario) or ())


def _used_at_openai(account: str, day: date, now: datetime, at_list: bool) -> Decimal:
    return money.add(line.amount for line in openai_books.spent(account, day, now, at_list=at_list))


def _used_at_anthropic(account: str, day: date, now: datetime, at_list: bool) -> Decimal:
    return _usd(anthropic_books.spent(account, day, now, at_list=at_list))


def _usd(lines: Iterable[anthropic_books.Line]) -> Decimal:
    return money.add(line.cents for line in lines).scaleb(-2)


_BILLED = {
    openai_books.PROVIDER: _openai,
    anthropic_books.PROVIDER: _anthropic,
    google_books.PROVIDER: google_books.net,
}
_USED = {openai_books.PROVIDER: _used_at_openai, anthropic_books.PROVIDER: _used_at_anthropic}
PROVIDERS = tuple(_BILLED)


def accounts(provider: str) -> tuple[str, ...]:
    """The accounts that `provider` bills: of Google also one whose rows are in the table of another."""
    return tuple(google_books.BILLED) if provider == google_books.PROVIDER else ACCOUNTS
