"""A clock that stands."""

import pytest

from ..service.world import StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()
