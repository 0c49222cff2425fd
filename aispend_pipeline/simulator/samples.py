"""Serves given sample files verbatim, whatever is asked."""

from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def samples(files: Mapping[str, Path]) -> Starlette:
    """A provider whose every answer at each path of `files` is the file there, byte for byte."""
    return Starlette(routes=[_route(path, file) for path, file in files.items()])


def openai_samples(costs: Path) -> Starlette:
    """An OpenAI whose every costs answer is the file `costs`."""
    return samples({"/v1/organization/costs": costs})


def _route(path: str, file: Path) -> Route:
    async def answer(request: Request) -> Response:
        return Response(file.read_bytes(), media_type="application/json")

    return Route(path, answer)
