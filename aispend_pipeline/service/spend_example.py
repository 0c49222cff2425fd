"""Examples of answers about spend, for the OpenAPI document. A test holds them to what they are examples of."""

from typing import Any

SPEND: dict[str, Any] = {
    "from": "2026-06-01",
    "to": "2026-06-12",
    "groupBy": ["provider", "model"],
    "currency": "USD",
    "rows": [
        {
            "provider": "anthropic",
            "model": "claude-sonnet-4-5",
            "cost_usd": "1204.318",
            "estimated_usd": "61.07",
            "input_tokens": 180_311_402,
            "cached_input_tokens": 96_020_114,
            "cache_write_tokens": 4_410_902,
            "output_tokens": 22_801_733,
            "requests": 41_002,
            "previous_cost_usd": "998.50",
            "change_usd": "205.818",
        },
        {
            "provider": "openai",
            "model": None,
            "cost_usd": "0.75",
            "estimated_usd": None,
            "input_tokens": None,
            "cached_input_tokens": None,
            "cache_write_tokens": None,
            "output_tokens": None,
            "requests": None,
            "previous_cost_usd": None,
            "change_usd": "0.75",
        },
    ],
    "truncated": True,
    "total_usd": "1310.268003",
    "total_estimated_usd": "64.11",
    "unconverted": [{"currency": "EUR", "amount": "8.00"}],
    "unpriced": [
        {
            "provider": "anthropic",
            "account": "default",
            "service_tier": "priority",
            "model": "claude-sonnet-4-5",
            "input_tokens": 20_480,
            "cached_input_tokens": 0,
            "cache_write_tokens": 0,
            "output_tokens": 1_733,
            "other_units": None,
            "why": "no bill lists tier priority",
            "never_billed": True,
        }
    ],
    "not_estimated": [],
    "tokens_from": ["usage"],
    "budget_month_to_date": [],
    "restatements": [
        {
            "day": "2026-06-03",
            "source": "openai_costs",
            "account": "default",
            "provider": "openai",
            "model": "gpt-5.3",
            "was_usd": "12.50",
            "is_usd": "12.75",
            "at": "2026-06-05T04:00:11Z",
            "fetch_id": "20260605T040008-3b7e0d51c9aa",
        }
    ],
    "coverage": {
        "complete": False,
        "days": [
            {
                "source": "anthropic_costs",
                "account": "default",
                "day": "2026-06-12",
                "state": "not_due",
                "finality": None,
                "last_read_at": None,
                "detail": {"reason": "the provider did not answer for all of this day"},
            }
        ],
    },
    "as_of": "2026-06-12T13:20:00Z",
    "previous": {
        "from": "2026-05-01",
        "to": "2026-05-12",
        "total_usd": "1020.44",
        "total_estimated_usd": "0.00",
        "complete": True,
    },
    "cursor": "WyI1ZTczODc5OS00MS0yMDI2LTA2LTAxLi4yMDI2LTA2LTEyIiwyXQ.2a8c0ce1d5b1a3f4",
}

DRIFT: dict[str, Any] = {
    "from": "2026-06-01",
    "to": "2026-06-12",
    "rows": [
        {
            "provider": "anthropic",
            "account": "default",
            "model": "claude-sonnet-4-5",
            "day": "2026-06-09",
            "settled": True,
            "billed_usd": "104.318",
            "list_usd": "110.00",
            "estimated_usd": "103.95",
            "billed_over_estimated": "1.0035",
            "calibration": "0.945000",
        }
    ],
    "as_of": "2026-06-12T13:20:00Z",
}

CSV = (
    "provider,model,cost_usd,estimated_usd,input_tokens,cached_input_tokens,cache_write_tokens,output_tokens,requests\r\n"
    "anthropic,claude-sonnet-4-5,1204.318,61.07,180311402,96020114,4410902,22801733,41002\r\n"
    "openai,,0.75,,,,,,\r\n"
)


def header(description: str) -> dict[str, Any]:
    """A header, as the document has it."""
    return {"description": description, "schema": {"type": "string"}}


# What a CSV is sent with, since it has nothing but rows.
CSV_HEADERS = {
    "Vary": header("Accept: it may choose the form"),
    "Content-Disposition": header("with CSV: the name of the file"),
    "X-AISpend-As-Of": header("with CSV: `as_of`"),
    "X-AISpend-Complete": header("with CSV: `coverage.complete`, true or false"),
    "X-AISpend-Total-USD": header("with CSV: `total_usd`"),
    "X-AISpend-Total-Estimated-USD": header("with CSV: `total_estimated_usd`"),
    "X-AISpend-Cursor": header("with CSV: `cursor`; absent at the end"),
}
