"""The HTTP application: every route, and what holds for all of them."""

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.service import problems
from aispend_pipeline.service.admin import add_admin
from aispend_pipeline.service.evidence import add_evidence
from aispend_pipeline.service.figures import add_figures
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.state import add_state
from aispend_pipeline.settings import Settings


class _HeadAsGet:
    """Answers HEAD with what GET would, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, without_body)
        else:
            await self._app(scope, receive, send)


def create_app(settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None) -> FastAPI:
    """The query service over `settings.home`; `load` gives caps, channels and the admin token as they are then."""
    service = Service(settings, clock, load)
    app = FastAPI(title="aispend", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(_HeadAsGet)
    for add in (add_state, add_figures, add_evidence, add_admin):
        add(app, service)
    return app
