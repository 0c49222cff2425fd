"""Requests to make days again, in the state database: at most one is open, whoever asks and however often.

A request is cut into pieces of a month at most, and each piece is one run of Dagster's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import uuid4

import sqlalchemy as sa

from aispend_pipeline.clock import utc_text
from aispend_pipeline.due import DAYS_A_RUN
from aispend_pipeline.errors import AispendError
from aispend_pipeline.model import Window
from aispend_pipeline.recompute.days import Days, LeftOut
from aispend_pipeline.state.columns import Instant
from aispend_pipeline.state.database import TABLES, State

recompute_request = sa.Table(
    "recompute_request",
    TABLES,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("how", sa.String, nullable=False, comment="see `How`"),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("ended_at", Instant, comment="none while it is open"),
    sa.Column("error", sa.String, comment="what went wrong with the request itself"),
    sa.Column("kept", sa.JSON, comment="a line for each feed that keeps rows; none in files of older versions"),
    sa.Column("left_out", sa.JSON, comment="first day, last day and why; none in files of older versions"),
    sa.Index("open_recompute_request", "ended_at"),
)

recompute_piece = sa.Table(
    "recompute_piece",
    TABLES,
    sa.Column("request_id", sa.String, primary_key=True),
    sa.Column("first", sa.Date, primary_key=True),
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("run_id", sa.String, comment="Dagster's; none before it is known"),
    sa.Column("state", sa.String, nullable=False, comment="see `Progress`"),
    sa.Column("not_remade", sa.JSON, nullable=False, comment="a line for each answer whose rows were kept"),
    sa.Column("errors", sa.JSON, nullable=False, comment="a line for each step that failed"),
)

# Of one piece: lines that are kept, and characters of each.
_LINES, _LENGTH = 100, 500


class How(StrEnum):
    """Where the days are made."""

    DAGSTER = "dagster"  # in the queue of its daemon
    CHILD = "child"  # in a process of ours


class Progress(StrEnum):
    """How far a piece, or a request, is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"  # done, but some days keep the rows they had
    FAILED = "failed"


OVER = frozenset({Progress.DONE, Progress.PARTIAL, Progress.FAILED})


@dataclass(frozen=True)
class Piece:
    """Days that are made in one run."""

    window: Window
    run_id: str | None = None
    state: Progress = Progress.QUEUED
    not_remade: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def done(self, run_id: str | None, not_remade: Sequence[str], errors: Sequence[str]) -> "Piece":
        """The piece once its run is over."""
        state = Progress.FAILED if errors else Progress.PARTIAL if not_remade else Progress.DONE
        return replace(self, run_id=run_id, state=state, not_remade=_kept(not_remade), errors=_kept(errors))


@dataclass(frozen=True)
class Request:
    """One request, and how far its pieces are. Instants are UTC; `kept` and `left_out` are as when it was asked."""

    id: str
    how: How
    asked_at: datetime
    pieces: tuple[Piece, ...]
    ended_at: datetime | None = None
    error: str | None = None
    kept: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def state(self) -> Progress:
        """Of all pieces together: the worst once it is over, and running from the first one on."""
        states = {piece.state for piece in self.pieces}
        if self.ended_at is None:
            return Progress.QUEUED if states == {Progress.QUEUED} else Progress.RUNNING
        if self.error or not states <= {Progress.DONE, Progress.PARTIAL}:
            return Progress.FAILED
        return Progress.PARTIAL if Progress.PARTIAL in states else Progress.DONE

    @property
    def window(self) -> Window:
        """From the first of its days to the last."""
        return Window(self.pieces[0].window.first, self.pieces[-1].window.last)


class AlreadyRunning(AispendError):
    """A request is open, so that no other is taken; which one, if that is known."""

    def __init__(self, request: Request | None) -> None:
        since = f"days {request.window} are being made again since {utc_text(request.asked_at)}" if request else None
        super().__init__(since or "another request is just ending")
        self.request = request


def new_request(how: How, days: Days, now: datetime) -> Request:
    """A request for the `days` that are ready; in a child, its runs get their ids from us."""
    windows = [piece for window in days.ready for piece in window.pieces(DAYS_A_RUN)]
    pieces = tuple(Piece(window, str(uuid4()) if how is How.CHILD else None) for window in windows)
    return Request(str(uuid4()), how, now, pieces, kept=tuple(days.kept), left_out=days.left_out())


class Requests:
    """The requests of one installation."""

    def __init__(self, state: State) -> None:
        self._state = state

    def claim(self, request: Request) -> None:
        """Open `request`; `AlreadyRunning` if another one is open."""
        with self._state.transaction() as connection:
            opened = _open(connection)
            if opened is not None:
                raise AlreadyRunning(opened)
            connection.execute(sa.insert(recompute_request).values(_asked(request)))
            connection.execute(sa.insert(recompute_piece), [_row(request.id, piece) for piece in request.pieces])

    def opened(self) -> Request | None:
        """The request that is open."""
        with self._state.reading() as connection:
            return _open(connection)

    def get(self, request_id: str) -> Request | None:
        """One request."""
        with self._state.reading() as connection:
            return _get(connection, request_id)

    def note(self, request_id: str, *pieces: Piece) -> None:
        """How far these pieces are; nothing where the request is over."""
        with self._state.transaction() as connection:
            known = _get(connection, request_id)
            if known is not None and known.ended_at is None:
                for piece in pieces:
                    of_piece = recompute_piece.c.request_id == request_id, recompute_piece.c.first == piece.window.first
                    connection.execute(sa.update(recompute_piece).where(*of_piece).values(_row(request_id, piece)))

    def end(self, request_id: str, now: datetime, error: str | None = None) -> None:
        """Close a request that is open; what is over stays as it is."""
        ended = {"ended_at": now, "error": None if error is None else error[:_LENGTH]}
        still_open = recompute_request.c.id == request_id, recompute_request.c.ended_at.is_(None)
        with self._state.transaction() as connection:
            if connection.execute(sa.update(recompute_request).where(*still_open).values(ended)).rowcount:
                _fail_what_a_child_left(connection, request_id)


def _fail_what_a_child_left(connection: sa.Connection, request_id: str) -> None:
    """Its pieces end with it; what becomes of Dagster's runs is known by Dagster alone."""
    of_child = sa.select(recompute_request.c.id).where(
        recompute_request.c.id == request_id, recompute_request.c.how == How.CHILD
    )
    left = recompute_piece.c.request_id.in_(of_child), recompute_piece.c.state.not_in(OVER)
    connection.execute(sa.update(recompute_piece).where(*left).values(state=Progress.FAILED))


def _kept(lines: Sequence[str]) -> tuple[str, ...]:
    more = (f"and {len(lines) - _LINES} more",) if len(lines) > _LINES else ()
    return (*(line[:_LENGTH] for line in lines[:_LINES]), *more)


def _asked(request: Request) -> dict[str, object]:
    left_out = [[str(window.first), str(window.last), why] for window, why in request.left_out]
    kept = list(request.kept)
    return {"id": request.id, "how": request.how, "asked_at": request.asked_at, "kept": kept, "left_out": left_out}


def _row(request_id: str, piece: Piece) -> dict[str, object]:
    return {
        "request_id": request_id,
        "first": piece.window.first,
        "last": piece.window.last,
        "run_id": piece.run_id,
        "state": piece.state,
        "not_remade": list(piece.not_remade),
        "errors": list(piece.errors),
    }


def _open(connection: sa.Connection) -> Request | None:
    asked = sa.select(recompute_request.c.id).where(recompute_request.c.ended_at.is_(None))
    request_id = connection.execute(asked).scalar()
    return None if request_id is None else _get(connection, request_id)


def _get(connection: sa.Connection, request_id: str) -> Request | None:
    row = connection.execute(sa.select(recompute_request).where(recompute_request.c.id == request_id)).one_or_none()
    if row is None:
        return None
    of_request = sa.select(recompute_piece).where(recompute_piece.c.request_id == request_id)
    pieces = connection.execute(of_request.order_by(recompute_piece.c.first)).all()
    kept, left_out = tuple(row.kept or ()), tuple(_left_out(*one) for one in row.left_out or ())
    return Request(
        row.id, How(row.how), row.asked_at, tuple(map(_piece, pieces)), row.ended_at, row.error, kept, left_out
    )


def _left_out(first: str, last: str, why: str) -> LeftOut:
    return LeftOut(Window(date.fromisoformat(first), date.fromisoformat(last)), why)


def _piece(row: sa.Row[tuple[str, date, date, str | None, str, list[str], list[str]]]) -> Piece:
    state, window = Progress(row.state), Window(row.first, row.last)
    return Piece(window, row.run_id, state, tuple(row.not_remade), tuple(row.errors))
