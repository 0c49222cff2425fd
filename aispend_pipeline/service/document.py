"""The OpenAPI document: what holds for every route, beside what each says of itself."""

import hashlib
from functools import cache
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from aispend_pipeline.service.access import OPEN
from aispend_pipeline.service.caching import cached, matches
from aispend_pipeline.service.examples import put_back
from aispend_pipeline.service.operations import complete, kinds
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import ProblemBody
from aispend_pipeline.service.shared import Service

DESCRIPTION = (
    "What an organisation spends on AI, to the exact cent, with the receipts. Money is decimal text, exact, and never a"
    " float; days and instants are UTC. What is billed and what is only estimated, from usage that no bill has yet, are"
    " never in one figure, and what is missing is null or absent, never zero. All of an answer is from one published"
    " snapshot, and figures carry an ETag by which a client asks if there are newer ones. From any total it is three"
    " requests to the bytes that a provider sent: `/spend`, its lines at `/spend/rows` or `/spend/estimates`, and the"
    " page of a line at `/providers/{name}/raw/{page_id}/body`. Browsers may ask from pages of the same origin, and of"
    " those that AISPEND_CORS_ORIGINS names."
)
TAGS = [
    {"name": "Figures", "description": "Sums from the newest snapshot, and what they rest on."},
    {"name": "Evidence", "description": "The lines behind the sums, and the pages that providers sent, as they came."},
    {"name": "State", "description": "How the installation is, and how it is set."},
    {"name": "Administration", "description": "What changes or sends something, for the bearer of ADMIN_TOKEN."},
]
_SCHEMES = {
    "READ_TOKEN": {
        "type": "http",
        "scheme": "bearer",
        "description": "The value of the setting AISPEND_READ_TOKEN, or of ADMIN_TOKEN.",
    },
    "READ_PASSWORD": {
        "type": "http",
        "scheme": "basic",
        "description": "Any user, with the value of AISPEND_READ_TOKEN as password: what browsers ask people for.",
    },
}


class Described(FastAPI):
    """An application whose document says what a problem is, and which token is asked for."""

    closed = False

    def openapi(self) -> dict[str, Any]:
        """The document, made when it is first asked for."""
        made = self.openapi_schema is not None
        document = super().openapi()
        if not made:
            put_back(self.routes, document)
            _complete(document, closed=self.closed)
        return document


def add_document(app: FastAPI, service: Service) -> None:
    """The route that serves it."""

    @cache
    def document() -> tuple[str, bytes]:
        body = orjson.dumps(app.openapi())
        return f'"{hashlib.sha256(body).hexdigest()[:16]}"', body

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request, _: Annotated[NoParameters, Query()]) -> Response:
        tag, body = document()
        return cached(tag, None if matches(tag, request.headers.get("if-none-match", "")) else body)


def _complete(document: dict[str, Any], *, closed: bool) -> None:
    """Where no token is set, none is asked for, but one may be sent."""
    components = document.setdefault("components", {})
    problem = components.setdefault("schemas", {})[ProblemBody.__name__] = ProblemBody.model_json_schema()
    problem["properties"]["type"]["enum"] = kinds(document)
    complete(document)
    components.setdefault("securitySchemes", {}).update(_SCHEMES)
    asked: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    document["security"] = asked if closed else [{}, *asked]
    for path in OPEN & set(document["paths"]):
        for operation in document["paths"][path].values():
            operation["security"] = []
