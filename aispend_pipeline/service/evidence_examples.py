"""Examples of the evidence, for the OpenAPI document. A test holds them to what they are examples of."""

from typing import Any

_PATH = "/providers/openai/raw/20260612T132000-5e1f0c9a7b42-1"

PAGE: dict[str, Any] = {
    "id": "20260612T132000-5e1f0c9a7b42-1",
    "provider": "openai",
    "source": "openai_costs",
    "account": "default",
    "fetch_id": "20260612T132000-5e1f0c9a7b42",
    "fetch_state": "complete",
    "page_no": 1,
    "reading": "rows",
    "fetched_at": "2026-06-12T13:20:00Z",
    "window": {"from": "2026-06-11", "to": "2026-06-11"},
    "request": {
        "method": "GET",
        "path": "/organization/costs",
        "params": [["start_time", "1781136000"], ["end_time", "1781222400"], ["bucket_width", "1d"]],
    },
    "body_sha256": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
    "bytes": 348,
    "links": {
        "page": _PATH,
        "body": f"{_PATH}/body",
        "rows": "/spend/rows?page=20260612T132000-5e1f0c9a7b42-1",
        "estimates": None,
    },
    "payload": {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": 1781136000,
                "end_time": 1781222400,
                "results": [
                    {
                        "object": "organization.costs.result",
                        "amount": {"value": "12.5", "currency": "usd"},
                        "line_item": "gpt-4o, input",
                        "project_id": "proj_1",
                    }
                ],
            }
        ],
        "has_more": False,
        "next_page": None,
    },
}

FETCH: dict[str, Any] = {
    "id": "20260612T132000-5e1f0c9a7b42",
    "state": "complete",
    "started_at": "2026-06-12T13:20:00Z",
    "finished_at": "2026-06-12T13:20:02Z",
    "window": {"from": "2026-06-11", "to": "2026-06-11"},
    "pages": 2,
    "days_in_use": ["2026-06-11"],
    "error_class": None,
    "error": None,
    "run_id": None,
}

_LINE: dict[str, Any] = {
    "day": "2026-06-11",
    "account": "default",
    "row_no": 1,
    "provider": "openai",
    "model": "gpt-4o",
    "project": "proj_1",
    "api_key": None,
    "token_type": "input",
    "service_tier": None,
    "context_window": None,
    "location": None,
    "page_available": True,
}

ROWS: dict[str, Any] = {
    "from": "2026-06-01",
    "to": "2026-06-12",
    "rows": [
        {
            **_LINE,
            "source": "openai_costs",
            "fetch_id": "20260612T132000-5e1f0c9a7b42",
            "page_id": "20260612T132000-5e1f0c9a7b42-1",
            "charge_start": "2026-06-11T00:00:00Z",
            "charge_end": "2026-06-12T00:00:00Z",
            "invoice_month": "2026-06",
            "charge_category": "Usage",
            "line_item": "gpt-4o, input",
            "sku": None,
            "cache_lifetime": None,
            "quantity": "5000000",
            "unit": "tokens",
            "currency": "USD",
            "amount": "12.50",
            "credit_amount": None,
            "cost_usd": "12.50",
            "credit_usd": None,
            "allocated_usd": None,
            "links": {"page": _PATH, "body": f"{_PATH}/body"},
        }
    ],
    "cursor": None,
    "count": 1,
    "total_usd": "12.50",
    "unconverted": [],
    "as_of": "2026-06-12T13:20:05Z",
}

_MEASURED = "/providers/openai/raw/20260612T132003-90d1c6e2f7a8-1"

ESTIMATES: dict[str, Any] = {
    "from": "2026-06-01",
    "to": "2026-06-12",
    "rows": [
        {
            **_LINE,
            "day": "2026-06-12",
            "source": "openai_usage",
            "fetch_id": "20260612T132003-90d1c6e2f7a8",
            "page_id": "20260612T132003-90d1c6e2f7a8-1",
            "meter": "input_tokens",
            "bucket_start": "2026-06-12T09:00:00Z",
            "kind": "completions",
            "measured_model": "gpt-4o-2024-08-06",
            "api_key": "key_1",
            "quantity": "100000",
            "price_list": "2026-06-01",
            "unit_usd": "0.0000025",
            "ratio": "0.9",
            "list_usd": "0.25",
            "estimated_usd": "0.225",
            "counted_usd": "0.225",
            "links": {"page": _MEASURED, "body": f"{_MEASURED}/body"},
        }
    ],
    "cursor": None,
    "count": 1,
    "total_estimated_usd": "0.225",
    "as_of": "2026-06-12T13:20:05Z",
}

# The same lines as CSV.
ROWS_CSV = (
    "day,source,account,fetch_id,page_id,row_no,provider,charge_start,charge_end,invoice_month,charge_category,model,"
    "project,api_key,line_item,sku,token_type,service_tier,context_window,cache_lifetime,location,quantity,unit,"
    "currency,amount,credit_amount,cost_usd,credit_usd,allocated_usd,page_available\r\n"
    "2026-06-11,openai_costs,default,20260612T132000-5e1f0c9a7b42,20260612T132000-5e1f0c9a7b42-1,1,openai,"
    "2026-06-11T00:00:00Z,2026-06-12T00:00:00Z,2026-06,Usage,gpt-4o,"
    'proj_1,,"gpt-4o, input",,input,,,,,5000000,tokens,'
    "USD,12.50,,12.50,,,true\r\n"
)
ESTIMATES_CSV = (
    "day,source,account,fetch_id,page_id,row_no,meter,provider,bucket_start,kind,model,measured_model,project,api_key,"
    "token_type,service_tier,context_window,location,quantity,price_list,unit_usd,ratio,list_usd,estimated_usd,"
    "counted_usd,page_available\r\n"
    "2026-06-12,openai_usage,default,20260612T132003-90d1c6e2f7a8,20260612T132003-90d1c6e2f7a8-1,1,input_tokens,openai,"
    "2026-06-12T09:00:00Z,completions,gpt-4o,gpt-4o-2024-08-06,proj_1,key_1,"
    "input,,,,100000,2026-06-01,0.0000025,0.9,0.25,0.225,"
    "0.225,true\r\n"
)
