"""Asks the simulated providers, page after page, and knows the published shapes."""

import json
from functools import cache

import httpx
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai

from ..conftest import SCHEMAS

KEYS = {"sk-sim-1": "default", "sk-sim-2": "eu"}
KEY_OF = {account: key for key, account in KEYS.items()}
OPENAI = "/v1/organization"
ANTHROPIC = "/v1/organizations"


@cache
def schema(provider: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / provider / f"{name}.schema.json").read_text()))


class Client:
    """One account's way to one provider; arrays are spelt with brackets."""

    def __init__(self, provider: str, clock, account: str = "default", **how) -> None:
        key = KEY_OF[account]
        if provider == "openai":
            self.prefix, app, headers = OPENAI, openai(KEYS, clock, **how), {"authorization": f"Bearer {key}"}
        else:
            self.prefix, app = ANTHROPIC, anthropic(KEYS, clock, **how)
            headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        self.http = TestClient(app, headers=headers)

    def get(self, path: str, **params) -> httpx.Response:
        given = {f"{name}[]" if isinstance(value, list | tuple) else name: value for name, value in params.items()}
        given = {name: value for name, value in given.items() if value is not None}
        return self.http.get(f"{self.prefix}/{path}", params=given)

    def buckets(self, path: str, **params) -> list[dict]:
        """The buckets of all pages."""
        found: list[dict] = []
        cursor = None
        for _ in range(2000):
            answer = self.get(path, page=cursor, **params)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["data"]
            cursor = page["next_page"]
            assert page["has_more"] is (cursor is not None)
            if cursor is None:
                return found
        raise AssertionError("no end")

    def items(self, path: str, after: str, **params) -> list[dict]:
        """The items of all pages of a list; `after` is how the parameter of the next page is called."""
        found: list[dict] = []
        while True:
            page = self.get(path, **params, **({after: found[-1]["id"]} if found else {})).json()
            found += page["data"]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            if not page["has_more"]:
                return found
