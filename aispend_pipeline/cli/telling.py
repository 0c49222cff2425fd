"""Which scenario a demo tells, and since when: what all of its processes must agree on."""

from dataclasses import dataclass
from datetime import datetime

from aispend_pipeline.errors import UsageError
from aispend_pipeline.simulator.scenario import SCENARIOS, Scenario
from aispend_pipeline.simulator.story import story

STORY = "story"
_KNOWN = {**SCENARIOS, STORY: story}


@dataclass(frozen=True)
class Telling:
    """A scenario by its name, told from the instant `since` on."""

    name: str
    since: datetime

    @classmethod
    def of(cls, name: str | None, since: datetime) -> "Telling":
        """The scenario `name`, or the story; `UsageError` if there is no such."""
        if name is not None and name not in _KNOWN:
            raise UsageError(f"--scenario {name!r} is none of {', '.join(_KNOWN)}")
        return cls(STORY if name is None else name, since)

    @property
    def scenario(self) -> Scenario:
        """All that is out of the ordinary in it."""
        return _KNOWN[self.name](self.since)
