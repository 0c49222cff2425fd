"""Routes of the outbox: what was told to whom, what it was decided from, and what an admin does about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, FastAPI, Query
from fastapi.responses import Response

from aispend_pipeline.alerts import by_hand
from aispend_pipeline.alerts.by_hand import UnknownMessage
from aispend_pipeline.errors import UsageError
from aispend_pipeline.health.stores import PATIENCE_SECONDS
from aispend_pipeline.service import outbox_shown as shown
from aispend_pipeline.service.access import ADMIN, AdminToken
from aispend_pipeline.service.admin import no_body
from aispend_pipeline.service.outbox_parameters import AlertsParameters, MessageId
from aispend_pipeline.service.outbox_schemas import ID, AlertBody, AlertsBody
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import Kind, Problem, answered
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline.threads import apart
from aispend_pipeline.warehouse.folder import told_of_trouble

_PATH = "/alerts"
_UNKNOWN = {"unknown-message": Kind(404, "no message has this id; /alerts lists those there are")}
_Change = Callable[[sa.Connection, str, datetime], list[str]]


def add_outbox(app: FastAPI, service: Service) -> None:
    """The routes; those that change something are behind the admin token."""
    _add_reads(app, service)
    _add_changes(app, service)


def _add_reads(app: FastAPI, service: Service) -> None:
    @app.get(
        _PATH,
        summary="What was told to whom, newest first, and what became of it",
        tags=["State"],
        responses=answered(AlertsBody, "bad-cursor", "store", says="Messages, one for each channel that they go to"),
    )
    async def list_alerts(parameters: Annotated[AlertsParameters, Query()]) -> Response:
        """Following the cursor gives each once, also while more come. Addresses of channels are never shown."""
        return live(await service.look(lambda: _listed(service.settings, parameters)))

    @app.get(
        f"{_PATH}/{{message_id}}",
        summary="One message: what became of it, and what each of its events was decided from",
        tags=["State"],
        responses=answered(AlertBody, "store", says="The message as it is now", more=_UNKNOWN),
    )
    async def get_alert(message_id: MessageId, _: Annotated[NoParameters, Query()]) -> Response:
        return live(await service.look(lambda: _found(service.settings, message_id)))


def _add_changes(app: FastAPI, service: Service) -> None:
    token = Depends(AdminToken(lambda: service.now().settings.admin_token))

    def changed(message_id: str, change: _Change) -> dict[str, Any]:
        return _changed(service.settings, message_id, change, service.clock.now())

    @app.post(
        f"/admin{_PATH}/{{message_id}}/retry",
        summary="Have a message tried again that was given up",
        tags=["Administration"],
        responses=_answered("has no dead delivery, and only what was given up is tried again"),
        dependencies=[token, Depends(no_body)],
    )
    async def retry_alert(message_id: MessageId, _: Annotated[NoParameters, Query()]) -> Response:
        """Under the same id, in every channel where it was. `aispend up` sends it, or `aispend alerts dispatch`."""
        return live(await apart(lambda: changed(message_id, by_hand.retry)))

    @app.post(
        f"/admin{_PATH}/{{message_id}}/drop",
        summary="Give up a message that waits or is dead",
        tags=["Administration"],
        responses=_answered("has no delivery that is dead or waits, so nothing to drop"),
        dependencies=[token, Depends(no_body)],
    )
    async def drop_alert(message_id: MessageId, _: Annotated[NoParameters, Query()]) -> Response:
        """In every channel where it does. What is being sent just now is not stopped."""
        return live(await apart(lambda: changed(message_id, by_hand.drop)))


def _answered(refusal: str) -> dict[int | str, dict[str, Any]]:
    """How a route answers that changes a message, with the refusal that it may meet."""
    refused = {"wrong-state": Kind(409, f"{ID}: {refusal}")}
    says = "The message as it is now"
    return answered(AlertBody, "admin-disabled", "too-large", "store", says=says, more=_UNKNOWN | refused | ADMIN)


def _listed(settings: Settings, parameters: AlertsParameters) -> dict[str, Any]:
    """The body of `GET /alerts`."""
    before = parameters.place()
    if _never_said(settings):
        return {"items": [], "cursor": None}
    with state_of(settings.home, PATIENCE_SECONDS).reading() as connection:
        found = by_hand.deliveries(connection, parameters.limit + 1, parameters.status, before)
        asked = found[: parameters.limit]
        told = by_hand.told_by(connection, asked)
    more = parameters.cursor_at(asked[-1].seq) if len(found) > len(asked) else None
    return {"items": [shown.item(one, told[one.seq]) for one in asked], "cursor": more}


def _found(settings: Settings, message_id: str) -> dict[str, Any]:
    """The body of `GET /alerts/{id}`; `Problem` if there is no such message."""
    if _never_said(settings):
        raise _unknown()
    with state_of(settings.home, PATIENCE_SECONDS).reading() as connection:
        return _alert(connection, message_id)


def _changed(settings: Settings, message_id: str, change: _Change, now: datetime) -> dict[str, Any]:
    """The message after `change`; `Problem` if there is none, or it cannot be changed so."""
    if _never_said(settings):
        raise _unknown()
    with state_of(settings.home).transaction() as connection:
        try:
            change(connection, message_id, now)
        except UnknownMessage:
            raise _unknown() from None
        except UsageError as error:
            raise Problem(409, "wrong-state", str(error)) from None
        return _alert(connection, message_id)


def _alert(connection: sa.Connection, message_id: str) -> dict[str, Any]:
    found = by_hand.of_message(connection, message_id)
    if not found:
        raise _unknown()
    return shown.alert(found, by_hand.told_by(connection, found))


def _unknown() -> Problem:
    return Problem(404, "unknown-message", "no message has this id; /alerts lists those there are")


def _never_said(settings: Settings) -> bool:
    """Whether nothing was ever kept: no file is made for asking."""
    with told_of_trouble(settings.home):
        return not (settings.home / "state.sqlite").exists()
