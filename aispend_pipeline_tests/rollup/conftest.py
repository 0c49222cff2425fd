from collections.abc import Callable
from datetime import timedelta

import pytest

from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import Outcome, add_up
from aispend_pipeline.warehouse import Snapshots
from aispend_pipeline_tests.warehouse.building import DAY, store
from aispend_pipeline_tests.warehouse.conftest import clock, empty_store, warehouse
from aispend_pipeline_tests.warehouse.proof import assert_sound

__all__ = ["clock", "empty_store", "warehouse"]

NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
BOTH, ALL = Window(DAY, NEXT), Window(DAY, THIRD)


@pytest.fixture
def book(warehouse, clock) -> Callable[..., Outcome]:
    """Stores fetches, adds a window up, and checks that the result is sound."""

    def run(*fetches: Fetch, window: Window = ALL) -> Outcome:
        store(warehouse, *fetches)
        outcome = add_up(warehouse, window, clock)
        with Snapshots(warehouse.home).current()[1] as cursor:
            assert_sound(cursor)
        return outcome

    return run
