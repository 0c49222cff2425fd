"""Serves given sample files verbatim, whatever is asked."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def openai_samples(costs: Path) -> Starlette:
    """An OpenAI whose every costs answer is the file `costs`, byte for byte."""

    async def answer(request: Request) -> Response:
        return Response(costs.read_bytes(), media_type="application/json")

    return Starlette(routes=[Route("/v1/organization/costs", answer)])
