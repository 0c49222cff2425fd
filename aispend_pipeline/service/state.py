"""Routes that say how the installation is."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import Response

from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import answered
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.service.status import status as status_body
from aispend_pipeline.service.status_schemas import StatusBody


def add_state(app: FastAPI, service: Service) -> None:
    """Routes that say how the installation is."""

    @app.get(
        "/healthz",
        summary="Whether the process answers; nobody needs a token for that",
        responses=answered(dict[str, str], example={"status": "ok"}),
    )
    async def healthz(_: Annotated[NoParameters, Query()]) -> Response:
        return live({"status": "ok"})

    @app.get(
        "/config",
        summary="The settings that are set; secrets only as set or not",
        responses=answered(
            dict[str, str | int | bool],
            example={"AISPEND_PORT": 8080, "ADMIN_TOKEN": "set", "SLACK_WEBHOOK_URL": "https://hooks.slack.com"},
        ),
    )
    async def config(_: Annotated[NoParameters, Query()]) -> Response:
        return live(service.settings.shown())

    @app.get(
        "/status",
        summary="How fresh and how whole the figures are, how the caps stand, and who can be told",
        responses=answered(StatusBody),
    )
    async def status(_: Annotated[NoParameters, Query()]) -> Response:
        def ask() -> dict[str, Any]:
            settings, complaints = service.now()
            return status_body(settings, service.clock.now(), complaints)

        return live(await service.run(ask))
