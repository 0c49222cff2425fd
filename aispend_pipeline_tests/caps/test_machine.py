"""The machine, for a while here and for long in the long rounds."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from aispend_pipeline_tests.caps.machine import CapsMachine

_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _run(name: str, examples: int, steps: int) -> None:
    """The same runs every time: which they are follows from `name`. Others: `python -m ...caps.drive`."""
    run_state_machine_as_test(
        type(name, (CapsMachine,), {}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=_CHECKS,
        ),
    )


def test_caps_and_alerts_hold_what_they_promise_whatever_happens():
    _run("Quick", 8, 25)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_caps_and_alerts_hold_what_they_promise_for_five_hundred_runs_of_fifty_steps(part):
    _run(f"Part{part}", 125, 50)
