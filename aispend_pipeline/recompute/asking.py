"""Takes requests to make days again, and follows them to their end: no request stays open for ever."""

from dataclasses import replace
from datetime import datetime, timedelta

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.log import log
from aispend_pipeline.recompute import child
from aispend_pipeline.recompute.days import Days
from aispend_pipeline.recompute.queue import Away, Queue, Silent
from aispend_pipeline.recompute.requests import (
    OVER,
    AlreadyRunning,
    How,
    Piece,
    Request,
    Requests,
    new_request,
)
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline.warehouse import lock

# A run that Dagster does not know by then will not come.
_QUEUED_WITHIN = timedelta(minutes=5)
# Dagster ends a run after half an hour; what is open by then is not followed any further.
_FOLLOWED_FOR = timedelta(days=1)

_DIED = (
    f"its process ended before it was done, and {child.LOG} in the home may say why; the days that are not done are as"
    " they were"
)


class Recompute:
    """The requests of one installation. Whatever it does asks files and Dagster: keep it off an event loop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._requests = Requests(state_of(settings.home))
        self._queue = Queue(settings.dagster_host, settings.dagster_port, settings.home)

    def ask(self, days: Days) -> Request:
        """Have the `days` that are ready made again: by Dagster's daemon where one runs, else in a process of ours.

        Raises `AlreadyRunning`, with the request that is open.
        """
        opened = self._requests.opened()
        if opened is not None and self._followed(opened, given_up=True).ended_at is None:
            raise AlreadyRunning(opened)
        try:
            self._queue.check(self._clock.now())
            return self._ask_dagster(days)
        except (Away, Silent) as why:
            return self._ask_child(days, str(why))

    def get(self, request_id: str) -> Request | None:
        """A request as it is now, none if there is none."""
        request = self._requests.get(request_id)
        return None if request is None else self._followed(request)

    def page(self, request: Request, piece: Piece) -> str | None:
        """Where Dagster's UI shows the run of a piece; none where it may not run."""
        known = piece.run_id is not None and request.how is How.DAGSTER
        return f"{self._queue.address}/runs/{piece.run_id}" if known else None

    def _ask_dagster(self, days: Days) -> Request:
        request = new_request(How.DAGSTER, days, self._clock.now())
        self._requests.claim(request)
        try:
            self._queue.launch(request.id, [piece.window for piece in request.pieces])
        except Away as why:
            self._requests.end(request.id, self._clock.now(), str(why))
            raise
        except Silent as why:  # it may have taken some: they are found by the request's tag
            log.warning("recompute.asked", recompute=request.id, how=request.how, error=str(why))
        else:
            log.info("recompute.asked", recompute=request.id, how=request.how, error=None)
        return self._followed(request)

    def _ask_child(self, days: Days, why: str) -> Request:
        request = new_request(How.CHILD, days, self._clock.now())
        try:
            with lock.held(self._settings.home / child.RUNNING, 0) as held:
                self._requests.claim(request)
                child.recompute(self._settings, request.id, held)
        except StoreBusy:
            raise AlreadyRunning(self._requests.opened()) from None
        log.info("recompute.asked", recompute=request.id, how=request.how, error=why)
        return request

    def _followed(self, request: Request, *, given_up: bool = False) -> Request:
        """The request as it is now, closed if it is over; or if it is `given_up` where its Dagster is gone."""
        if request.ended_at is not None:
            return request
        unheard = None
        if request.how is How.CHILD:
            self._look_at_child(request)
        else:
            unheard = self._look_at_dagster(request, given_up=given_up)
        known = self._requests.get(request.id) or request
        return known if known.ended_at else replace(known, error=unheard)

    def _look_at_child(self, request: Request) -> None:
        try:
            with lock.held(self._settings.home / child.RUNNING, 0):
                self._requests.end(request.id, self._clock.now(), _DIED)
        except StoreBusy:
            pass

    def _look_at_dagster(self, request: Request, *, given_up: bool) -> str | None:
        """Note what became of the runs; or say why that cannot be told now."""
        now = self._clock.now()
        try:
            pieces = self._pieces(request, now)
        except (Away, Silent) as why:
            if (given_up and isinstance(why, Away)) or now - request.asked_at > _FOLLOWED_FOR:
                error = f"{why}: what became of its runs is not known; those that wait are done when it is back"
                self._requests.end(request.id, now, error)
            return f"{why}: this is what was known last"
        changed = [piece for piece, before in zip(pieces, request.pieces, strict=True) if piece != before]
        if changed:
            self._requests.note(request.id, *changed)
        if all(piece.state in OVER for piece in pieces):
            self._requests.end(request.id, now)
        elif now - request.asked_at > _FOLLOWED_FOR:
            self._requests.end(request.id, now, "its runs are still not done after a day; Dagster's UI says why")
        return None

    def _pieces(self, request: Request, now: datetime) -> list[Piece]:
        """The pieces as Dagster's runs say."""
        runs = self._queue.runs(request.id)
        pieces = []
        for piece in request.pieces:
            run = runs.get(piece.window.first)
            if piece.state in OVER:
                pieces.append(piece)
            elif run is None:
                missing = now - request.asked_at > _QUEUED_WITHIN
                pieces.append(piece.done(None, [], ["Dagster has no such run"]) if missing else piece)
            elif run.state in OVER:
                pieces.append(self._queue.ended(piece, run))
            else:
                pieces.append(replace(piece, run_id=run.run_id, state=run.state))
        return pieces
