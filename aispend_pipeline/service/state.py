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
        tags=["State"],
        responses=answered(dict[str, str], says="It answers", example={"status": "ok"}),
    )
    async def get_health(_: Annotated[NoParameters, Query()]) -> Response:
        """It says nothing of the figures: those, and whatever else may be wrong, are in `/status`."""
        return live({"status": "ok"})

    @app.get(
        "/config",
        summary="The settings that are set; secrets only as set or not",
        tags=["State"],
        responses=answered(
            dict[str, str | int | bool],
            says="Each setting that is set, by its name",
            example={"AISPEND_PORT": 8080, "ADMIN_TOKEN": "set", "SLACK_WEBHOOK_URL": "https://hooks.slack.com"},
        ),
    )
    async def get_config(_: Annotated[NoParameters, Query()]) -> Response:
        """Of an address that holds a secret only the host is shown. What is not set is not there."""
        return live(service.settings.shown())

    @app.get(
        "/status",
        summary="How fresh and how whole the figures are, how the caps stand, and who can be told",
        tags=["State"],
        responses=answered(StatusBody, says="How it is, whatever is missing, locked, damaged or full"),
    )
    async def get_status(_: Annotated[NoParameters, Query()]) -> Response:
        """It answers 200 whatever is wrong: `status` is the word, `reasons` the lines for people.

        What people were told before is at `/alerts`.
        """

        def ask() -> dict[str, Any]:
            settings, complaints = service.now()
            return status_body(settings, service.clock.now(), complaints)

        return live(await service.look(ask))
