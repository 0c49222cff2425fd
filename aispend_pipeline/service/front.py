"""The dashboard at `/`, and the files it consists of."""

from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response

from aispend_pipeline.dashboard import files
from aispend_pipeline.service.caching import matches
from aispend_pipeline.service.headers import PAGE_POLICY
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import PROBLEMS, Problem
from aispend_pipeline.service.shared import Service

_FILES = frozenset(files.names()) - {files.PAGE}


def add_front(app: FastAPI, service: Service) -> None:
    """The page, and what it asks for."""

    @app.get(
        "/",
        summary="The dashboard, for people",
        tags=["State"],
        response_class=HTMLResponse,
        responses={
            200: {"description": "The page", "content": {"text/html": {"example": "<!doctype html>..."}}},
            **PROBLEMS,
        },
    )
    async def get_front(request: Request, _: Annotated[NoParameters, Query()]) -> Response:
        file = await service.look(lambda: files.file(files.PAGE))
        return _served(request, file, {"content-security-policy": PAGE_POLICY})

    @app.get("/dashboard/{name}", include_in_schema=False)
    async def get_file(request: Request, name: str, _: Annotated[NoParameters, Query()]) -> Response:
        if name not in _FILES:
            raise Problem(404, "not-found", f"{name[:40]!r} is no file of the dashboard")
        return _served(request, await service.look(lambda: files.file(name)), {})


def _served(request: Request, file: files.File, headers: dict[str, str]) -> Response:
    """A file under its tag, so that a browser asks each time and is told that it has it."""
    packed = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{file.tag}-gzip"' if packed else f'"{file.tag}"'
    told = {**headers, "etag": tag, "cache-control": "no-cache", "vary": "Accept-Encoding"}
    if matches(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=told)
    if packed:
        told["content-encoding"] = "gzip"
    return Response(file.compressed if packed else file.body, headers=told, media_type=file.media_type)
