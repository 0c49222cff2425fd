"""The closing of a month as JSON: money as text with every digit, unknown as null."""

from collections.abc import Sequence
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.caps.model import Period
from aispend_pipeline.closing.billed import Billed
from aispend_pipeline.closing.final import Unsettled
from aispend_pipeline.closing.invoices import Held
from aispend_pipeline.closing.model import Closing
from aispend_pipeline.service import answers
from aispend_pipeline.warehouse import Published


def body(period: Period, found: Sequence[Closing], held: Sequence[Held], published: Published) -> dict[str, Any]:
    """All that is known of the month, and of the invoices that were given."""
    return {
        "month": period.name,
        "currency": "USD",
        "accounts": [_closing(one) for one in found],
        "invoices": [_held(one) for one in held],
        "as_of": published.at,
    }


def _closing(of: Closing) -> dict[str, Any]:
    return {
        "provider": of.provider,
        "account": of.account,
        "finality": of.finality,
        "by_usage_day": _billed(of.billed),
        "by_invoice_month": _billed(of.invoiced),
        "moved": [{**one._asdict(), "usd": money.text(one.usd)} for one in of.moved],
        "unsettled": [_unsettled(one) for one in of.unsettled],
        "not_read_before": [answers.days(window) for window in of.not_read_before],
        "unchecked": [day.isoformat() for day in of.unchecked],
        "restatements": {
            "count": of.restated.changes,
            "net_usd": money.text(of.restated.net_usd),
            "newest": [answers.restatement(change) for change in of.restated.newest],
        },
        "unpriced": [one._asdict() for one in of.unpriced],
        "not_in_it": list(of.lacks),
    }


def _billed(of: Billed | None) -> dict[str, Any] | None:
    if of is None:
        return None
    return {
        "usd": money.text_if_known(of.usd),
        "credits_usd": money.text(of.credits_usd),
        "tax_usd": money.text(of.tax_usd),
        "rows": of.rows,
        "converted": answers.amounts(of.converted),
        "unconverted": answers.amounts(of.unconverted),
    }


def _unsettled(of: Unsettled) -> dict[str, Any]:
    windows = [answers.days(window) for window in of.days]
    return {"finality": of.finality, "source": of.source, "how": of.how, "why": of.why or None, "days": windows}


def _held(of: Held) -> dict[str, Any]:
    return {
        "provider": of.invoice.provider,
        "account": of.invoice.account,
        "accounts": list(of.accounts),
        "invoice_usd": money.text(of.invoice.usd),
        "billed_usd": money.text_if_known(of.billed_usd),
        "difference_usd": money.text_if_known(of.difference_usd),
        "ties": of.ties,
    }
