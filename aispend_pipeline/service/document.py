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
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import ProblemBody
from aispend_pipeline.service.shared import Service

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
    components.setdefault("schemas", {})[ProblemBody.__name__] = ProblemBody.model_json_schema()
    components.setdefault("securitySchemes", {}).update(_SCHEMES)
    asked: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    document["security"] = asked if closed else [{}, *asked]
    for path in OPEN & set(document["paths"]):
        for operation in document["paths"][path].values():
            operation["security"] = []
