"""The page at `/`: what this is, and where to look."""

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, Response

from aispend_pipeline.service.headers import PAGE_POLICY
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import PROBLEMS
from aispend_pipeline.service.shared import Service

# The icon keeps browsers from asking for one that is not there.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>aispend</title>
<link rel="icon" href="data:,">
<h1>aispend</h1>
<p>What this organisation spends on AI, to the exact cent, with the receipts.</p>
<ul>
<li><a href="/spend">/spend</a>: this month by provider, model and day</li>
<li><a href="/spend?groupBy=day,provider">/spend?groupBy=day,provider</a>: day by day</li>
<li><a href="/status">/status</a>: how fresh and how whole that is, and how the caps stand</li>
<li><a href="/config">/config</a>: what is set</li>
<li><a href="/openapi.json">/openapi.json</a>: all that can be asked</li>
</ul>
</html>
"""


def add_front(app: FastAPI, service: Service) -> None:
    """The page."""

    @app.get(
        "/",
        summary="What this is, and where to look, for people",
        tags=["State"],
        response_class=HTMLResponse,
        responses={
            200: {"description": "A page with links", "content": {"text/html": {"example": "<!doctype html>..."}}},
            **PROBLEMS,
        },
    )
    async def get_front(_: Annotated[NoParameters, Query()]) -> Response:
        return HTMLResponse(_PAGE, headers={"content-security-policy": PAGE_POLICY, "cache-control": "no-cache"})
