"""The HTTP application: every route, and what holds for all of them."""

from collections.abc import Callable

from fastapi import FastAPI

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.service import problems
from aispend_pipeline.service.admin import add_admin
from aispend_pipeline.service.document import DESCRIPTION, TAGS, Described, add_document
from aispend_pipeline.service.evidence import add_evidence
from aispend_pipeline.service.figures import add_figures
from aispend_pipeline.service.front import add_front
from aispend_pipeline.service.guard import guards
from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.metrics import add_metrics
from aispend_pipeline.service.operations import name_of
from aispend_pipeline.service.outbox import add_outbox
from aispend_pipeline.service.recompute import add_recompute
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.state import add_state
from aispend_pipeline.settings import Settings


def create_app(
    settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None, limits: Limits | None = None
) -> FastAPI:
    """The query service over `settings.home`; `load` gives caps, channels and the tokens as they are then.

    It answers to loopback's names alone if `settings.host` is loopback.
    """
    service = Service(settings, clock, load, limits or Limits())
    app = Described(
        title="aispend",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,
        generate_unique_id_function=name_of,
        redirect_slashes=False,
        middleware=guards(service),
    )
    app.closed = settings.read_token is not None
    problems.install(app)
    for add in (
        add_front,
        add_state,
        add_figures,
        add_evidence,
        add_outbox,
        add_admin,
        add_recompute,
        add_metrics,
        add_document,
    ):
        add(app, service)
    return app
