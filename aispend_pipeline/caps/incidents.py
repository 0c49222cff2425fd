"""Incidents: something that is broken, from when it is first seen until it works again. Pure functions.

People are told once of each, reminded of one that lasts, and told when one that they know of is over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from aispend_pipeline.caps.policy import passed


class Sign(NamedTuple):
    """What is wrong with a subject, in a line; a small thing opens no incident, but keeps one from being over."""

    detail: str
    opens: bool = True


@dataclass(frozen=True)
class Incident:
    """One trouble with `subject`; `n` counts them. Not told yet if `told_at` is none, over once it is closed.

    `heard_at` is when people last heard that the subject is in trouble, of this incident or of one before it.
    """

    kind: str
    subject: str
    n: int
    opened_at: datetime
    detail: str
    told_at: datetime | None = None
    closed_at: datetime | None = None
    heard_at: datetime | None = None

    @property
    def heard(self) -> bool:
        """Whether anybody was there when it was told last."""
        return self.told_at is not None and self.heard_at is not None and self.heard_at >= self.told_at


class Change(NamedTuple):
    """An incident as it is from now on, and whether people are told of it: that it is there, or that it is over."""

    incident: Incident
    told: bool


@dataclass(frozen=True)
class Rhythm:
    """Of one subject nothing is told twice within `hush`; of one that lasts it is told again after `remind`."""

    hush: timedelta
    remind: timedelta | None = None


def changes(
    kind: str,
    signs: Mapping[str, Sign],
    well: Collection[str],
    newest: Sequence[Incident],
    rhythm: Rhythm,
    now: datetime,
    *,
    readers: bool = True,
) -> list[Change]:
    """What becomes of the incidents of `kind`: `signs` by subject as they are now, the `newest` incident of each.

    That one is over is told of subjects that are `well`, if people knew of it; of one that is only gone, nothing is.
    Without `readers` one is told to nobody, once, and again as soon as there are some.
    """
    known = {incident.subject: incident for incident in newest}
    made = []
    for subject, sign in signs.items():
        before = known.get(subject)
        if before is not None and before.closed_at is None:
            made.append(_again(replace(before, detail=sign.detail), rhythm, now, readers))
        elif sign.opens:
            made.append(_opened(kind, subject, sign, before, rhythm, now, readers))
    over = [one for one in newest if one.closed_at is None and one.subject not in signs]
    return made + [Change(replace(one, closed_at=now), one.heard and one.subject in well) for one in over]


def _opened(
    kind: str, subject: str, sign: Sign, before: Incident | None, rhythm: Rhythm, now: datetime, readers: bool
) -> Change:
    heard_at = before.heard_at if before else None
    incident = Incident(kind, subject, before.n + 1 if before else 1, now, sign.detail, heard_at=heard_at)
    return _told(incident, passed(heard_at, rhythm.hush, now), now, readers)


def _again(incident: Incident, rhythm: Rhythm, now: datetime, readers: bool) -> Change:
    """One that is still there: told once its hush is over, and then now and again."""
    if incident.told_at is not None and not readers:
        return Change(incident, told=False)
    wait = rhythm.remind if incident.heard else rhythm.hush
    return _told(incident, wait is not None and passed(incident.heard_at, wait, now), now, readers)


def _told(incident: Incident, told: bool, now: datetime, readers: bool) -> Change:
    heard_at = now if readers else incident.heard_at
    return Change(replace(incident, told_at=now, heard_at=heard_at) if told else incident, told)
