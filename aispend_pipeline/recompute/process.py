"""What runs in a process of ours, with the arguments `request ID`, or `dry-run FIRST LAST FIRST LAST ...`.

It ends when its standard input does, since then whoever started it is gone.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from threading import Thread, Timer

import orjson

from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.errors import AispendError
from aispend_pipeline.log import configure_process, fault, log
from aispend_pipeline.model import Window
from aispend_pipeline.recompute import making
from aispend_pipeline.recompute.requests import Progress, Request, Requests
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of

# What does not end in time, when it is asked to, is made to.
_TO_END_SECONDS = 8.0
# The exit code of what failed for a reason that people can be told; any other failure is ours.
TOLD = 3


def main(arguments: Sequence[str]) -> int:
    """Do what `arguments` ask for; 0 if that was done."""
    settings, clock = Settings.load(), SystemClock()
    what, *values = arguments
    if what == "dry-run":
        return _dry_run(settings, clock, [date.fromisoformat(day) for day in values])
    return _of_request(settings, clock, values[0])


def _dry_run(settings: Settings, clock: Clock, days: Sequence[date]) -> int:
    windows = [Window(first, last) for first, last in zip(days[::2], days[1::2], strict=True)]
    outcomes = list(making.differences(settings, clock, windows))
    sys.stdout.buffer.write(orjson.dumps(making.told(Window(days[0], days[-1]), outcomes)))
    return 0


def _of_request(settings: Settings, clock: Clock, request_id: str) -> int:
    """Make the days of a request; whatever becomes of it, the request is closed and says so."""
    requests = Requests(state_of(settings.home))
    request = requests.get(request_id)
    if request is None:
        raise AispendError(f"{request_id}: there is no such request")
    error = None
    try:
        _make(settings, requests, request)
    except KeyboardInterrupt:
        error = "it was ended with the service before it was done; the days that are not done are as they were"
    except AispendError as failed:
        error = str(failed).partition("\n")[0]
    except Exception as failed:
        log.error("fault", what="a recompute", **fault(failed))
        error = f"it failed where it should not ({type(failed).__name__}); the home's recompute.log has more"
    requests.end(request_id, clock.now(), error)
    log.info("recompute.ended", recompute=request_id, error=error)
    return 0 if error is None else TOLD


def _make(settings: Settings, requests: Requests, request: Request) -> None:
    from aispend_pipeline.assets.installation import Installation  # not before: Dagster takes a second to import
    from aispend_pipeline.recompute.on_dagster import days_made

    with days_made(Installation(settings)) as make:
        for piece in request.pieces:
            requests.note(request.id, replace(piece, state=Progress.RUNNING))
            outcome, errors = make(piece.window, request.id, piece.run_id)
            requests.note(request.id, piece.done(piece.run_id, outcome.not_remade, errors))


def end_with_the_service() -> None:
    """Be interrupted once standard input ends, as by Ctrl-C; and end, whatever goes on, a while after."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        late = Timer(_TO_END_SECONDS, os._exit, [TOLD])
        late.daemon = True
        late.start()
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_with_the_service()
    configure_process()
    try:
        sys.exit(main(sys.argv[1:]))
    except AispendError as told:
        print(str(told).partition("\n")[0], file=sys.stderr)
        sys.exit(TOLD)
    except KeyboardInterrupt:
        sys.exit(TOLD)
    except Exception as failed:
        log.error("fault", what="a dry run", **fault(failed))
        sys.exit(1)
