"""Routes that show what figures rest on: the pages that providers sent, as they came."""

from typing import Annotated

import duckdb
import orjson
from fastapi import FastAPI, Query
from fastapi.responses import Response

from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service.evidence_parameters import RawParameters
from aispend_pipeline.service.pages import pages
from aispend_pipeline.service.problems import Problem, answered
from aispend_pipeline.service.schemas import RawBody
from aispend_pipeline.service.shared import Service
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.pages import stored_pages


def add_evidence(app: FastAPI, service: Service) -> None:
    """The routes; they answer from the newest snapshot."""

    @app.get(
        "/providers/{name}/raw", summary="A provider's answers as received, newest first", responses=answered(RawBody)
    )
    async def raw(name: str, parameters: Annotated[RawParameters, Query()]) -> Response:
        if name not in PROVIDERS:
            raise Problem(404, "unknown-provider", f"no provider of that name; there are {', '.join(PROVIDERS)}")
        window = parameters.window(service.clock.now().date())
        after = parameters.place(name)

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> bytes:
            found, place = stored_pages(cursor, name, window, after, parameters.limit)
            return orjson.dumps(pages(found, parameters.cursor_at(name, place) if place else None))

        return Response(await service.read(ask), headers={"cache-control": "no-store"}, media_type="application/json")
