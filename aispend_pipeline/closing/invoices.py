"""Invoices, as they are given on the command line, and what they come to beside what was billed."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.closing.model import Closing
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.settings.values import plain_decimal

# An invoice is rounded to cents.
_A_CENT = Decimal("0.01")


class Invoice(NamedTuple):
    """What a provider's invoice asks for, USD; without an account it is for all of them together."""

    provider: str
    account: str | None
    usd: Decimal

    @property
    def subject(self) -> str:
        """Whose it is, as it is given: `openai` or `anthropic/eu`."""
        return self.provider if self.account is None else f"{self.provider}/{self.account}"


def parse(texts: Sequence[str]) -> list[Invoice]:
    """The invoices that `PROVIDER=AMOUNT` and `PROVIDER/ACCOUNT=AMOUNT` spell.

    `UsageError` for what is spelt otherwise, an amount that is no plain decimal, and whatever is given twice.
    """
    found: dict[str, Invoice] = {}
    for text in texts:
        invoice = _parsed(text)
        if invoice.subject in found:
            raise UsageError(f"--invoice {text!r}: the one of {invoice.subject} is given twice")
        found[invoice.subject] = invoice
    return list(found.values())


def _parsed(text: str) -> Invoice:
    subject, equals, amount = text.rpartition("=")
    provider, slash, account = subject.partition("/")
    if not equals or not provider or (slash and not account):
        raise UsageError(
            f"--invoice {text!r} is not PROVIDER=AMOUNT or PROVIDER/ACCOUNT=AMOUNT, for example --invoice openai=80.00"
        )
    if provider not in PROVIDERS:
        raise UsageError(f"--invoice {text!r}: {provider} is none of {', '.join(PROVIDERS)}")
    try:
        return Invoice(provider, account or None, Decimal(plain_decimal(amount)))
    except ValueError as error:
        raise UsageError(f"--invoice {text!r}: {amount} {error}, for example --invoice {subject}=80.00") from None


class Held(NamedTuple):
    """An invoice beside what was billed to its accounts, USD; none where that is not known of one of them."""

    invoice: Invoice
    accounts: tuple[str, ...]
    billed_usd: Decimal | None

    @property
    def difference_usd(self) -> Decimal | None:
        """Invoice minus billed, exact."""
        return None if self.billed_usd is None else money.EXACT.subtract(self.invoice.usd, self.billed_usd)

    @property
    def ties(self) -> bool:
        """Whether the two are the same but for the rounding of an invoice to cents."""
        return self.difference_usd is not None and self.difference_usd.copy_abs() < _A_CENT


def hold(invoices: Sequence[Invoice], closings: Sequence[Closing]) -> list[Held]:
    """Each invoice beside what is on it by the closings; `UsageError` for one of an account that there is not."""
    return [_held(invoice, [one for one in closings if one.provider == invoice.provider]) for invoice in invoices]


def _held(invoice: Invoice, of_provider: Sequence[Closing]) -> Held:
    own = [one for one in of_provider if invoice.account in (None, one.account)]
    if not own:
        known = ", ".join(one.account for one in of_provider)
        there = f"{invoice.provider} has the accounts {known}" if known else f"nothing of {invoice.provider} is read"
        raise UsageError(f"--invoice {invoice.subject}: is of no account; {there}")
    usd = [one.invoiced.usd if one.invoiced else None for one in own]
    known_usd = [amount for amount in usd if amount is not None]
    billed = money.add(known_usd) if len(known_usd) == len(usd) else None
    return Held(invoice, tuple(one.account for one in own), billed)
