"""What the routes of the outbox take."""

from typing import Annotated

from fastapi import Path
from pydantic import Field

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.service.cursors import opened, sealed
from aispend_pipeline.service.outbox_schemas import ID
from aispend_pipeline.service.parameters import Limit, Strict

MessageId = Annotated[str, Path(description="the `id` of a message, as `/alerts` lists it", examples=[ID])]


class AlertsParameters(Strict):
    """What `GET /alerts` takes."""

    status: list[Status] = Field([], max_length=100, description="only what has become this; may be repeated")
    limit: Limit = Field(50, description="messages in one answer, 1 to 500")
    cursor: str | None = Field(None, max_length=400, description="where the last answer ended, as it said")

    def place(self) -> int | None:
        """The delivery after which to go on; `Problem` for a cursor that this question never gave."""
        return None if self.cursor is None else opened(self.cursor, int, self._question())

    def cursor_at(self, seq: int) -> str:
        """A cursor that is good for this question, whenever it is asked."""
        return sealed(seq, self._question())

    def _question(self) -> object:
        return "alerts", sorted({*self.status})
