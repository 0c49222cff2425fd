"""Bugs of the kinds that the rules of alerts exist for, each a change of one line, and which of them the machine finds.

`python -m aispend_pipeline_tests.caps.planted` plants each in a copy of the package and lets the machine run there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = "aispend_pipeline"
EXAMPLES = 100


class Bug(NamedTuple):
    """In `file`, `right` is replaced by `wrong`."""

    name: str
    file: str
    right: str
    wrong: str


FOUND = (
    Bug(
        "a step down is told at once",
        "caps/policy.py",
        "if not (certain and passed(standing.announced_at, timing.debounce, now)):",
        "if not certain:",
    ),
    Bug(
        "a recovery is told from doubtful figures",
        "caps/policy.py",
        "certain = _proven(found, caps) or caps.at(announced) is None",
        "certain = True",
    ),
    Bug(
        "what cannot be measured is called ok",
        "caps/policy.py",
        "return None if held is Level.OK and not found.measured else held",
        "return held",
    ),
    Bug(
        "a clock that was ahead silences a scope",
        "caps/policy.py",
        "return since is None or since > now + CLOCK_SLACK or now - since >= wait",
        "return since is None or now - since >= wait",
    ),
    Bug(
        "a total is rounded to cents before it is held against a cap",
        "caps/model.py",
        "if cap is not None and spent.towards(level) >= cap:",
        "if cap is not None and round(spent.towards(level), 2) >= cap:",
    ),
    Bug(
        "a closed month keeps its arming",
        "caps/policy.py",
        "said.append(_released(before, before.armed, Reason.PERIOD_ROLL))",
        "pass",
    ),
    Bug(
        "a month that a clock ahead of its time closed stays closed",
        "caps/policy.py",
        "replace(before, closed=False, final=False, reason=Reason.SPEND)",
        "replace(before, final=False, reason=Reason.SPEND)",
    ),
    Bug(
        "the hook's action is withdrawn at once",
        "caps/policy.py",
        "if not (lifted or passed(armed.armed_at, timing.hook_hold, now)):",
        "if False:",
    ),
    Bug(
        "the hook is released on doubtful figures",
        "caps/policy.py",
        "if armed is None or not (_proven(found, standing.caps) or hard is None):",
        "if armed is None:",
    ),
    Bug(
        "every evaluation above the cap tells again",
        "caps/policy.py",
        "told = replace(standing, announced=level, announced_at=now,",
        "told = replace(standing, announced_at=now,",
    ),
    Bug(
        "a reminder does not count as told",
        "caps/policy.py",
        "told = replace(standing, announced=level, announced_at=now,",
        "told = replace(standing, announced=level, announced_at=standing.announced_at or now,",
    ),
    Bug(
        "every evaluation arms the hook again",
        "caps/policy.py",
        "n = armed.n if armed else standing.armings + 1",
        "armed, n = None, standing.armings + 1",
    ),
    Bug(
        "older figures overrule newer ones",
        "caps/model.py",
        "return self.store_id == other.store_id and self.seq < other.seq",
        "return False",
    ),
    Bug(
        "events are stored and not queued for mail",
        "alerts/drafts.py",
        "for channel in readership.people:",
        "for channel in readership.people[:1]:",
    ),
    Bug(
        "what is superseded is not told by the newer message",
        "alerts/outbox.py",
        "return Superseded(tuple(told), ",
        "return Superseded((), ",
    ),
    Bug(
        "what a superseded message carried is lost with it",
        "alerts/outbox.py",
        "filter_by(message_id=message_id, channel=channel)\n        return self._connection.execute(asked.order_by(",
        "filter_by(message_id=message_id, channel=channel, carried=False)\n"
        "        return self._connection.execute(asked.order_by(",
    ),
    Bug(
        "a release may overtake its trigger",
        "alerts/outbox.py",
        "                unleased(now),\n                _heads_its_lane(),\n",
        "                unleased(now),\n",
    ),
    Bug(
        "a trigger that may have been received is cancelled",
        "alerts/outbox.py",
        "            delivery.c.maybe_received.is_(False),\n",
        "",
    ),
    Bug(
        "a later refusal makes up for an attempt that was perhaps received",
        "alerts/outbox.py",
        "not (row.attempts == 1 and attempted.never_sent)",
        "not attempted.never_sent",
    ),
    Bug(
        "a trigger that was never heard of is not withdrawn, but its release is",
        "alerts/evaluate.py",
        "self._hooked.append((event, Status.CANCELLED if withdrawn else Status.PENDING))",
        "self._hooked.append((event, Status.CANCELLED))",
    ),
    Bug(
        "a failed attempt counts as delivered",
        "alerts/outbox.py",
        "if attempted.outcome is Outcome.DELIVERED:",
        "if attempted.outcome is not Outcome.DEAD:",
    ),
    Bug(
        "the delivery of a sender that died waits for ever",
        "alerts/outbox.py",
        "delivery.c.lease_until <= now, ",
        "",
    ),
    Bug(
        "a lease of a clock that was ahead blocks its lane",
        "alerts/outbox.py",
        ", delivery.c.lease_until > now + LEASE",
        "",
    ),
    Bug(
        "a wait of a clock that was ahead is waited for",
        "alerts/outbox.py",
        "values(next_at=now + LONGEST_WAIT)",
        "values(next_at=delivery.c.next_at)",
    ),
    Bug(
        "a lost attempt is forgotten",
        "alerts/outbox.py",
        "attempts=claimed.attempt,",
        "attempts=claimed.attempt if row.lease_token is None else row.attempts,",
    ),
    Bug(
        "late data of a closed month is told as often as it is looked at",
        "caps/policy.py",
        "announced=late, announced_at=now, peak=late",
        "announced=late, announced_at=now",
    ),
    Bug(
        "nobody is told that a month is over",
        "caps/policy.py",
        "if before.announced > Level.OK:",
        "if before.announced > Level.HARD:",
    ),
    Bug(
        "nobody is reminded",
        "caps/policy.py",
        "if wait is None or not passed(standing.announced_at, wait, now):",
        "if True:",
    ),
    Bug(
        "the hook is never released below the cap",
        "caps/policy.py",
        "if not (lifted or passed(armed.armed_at, timing.hook_hold, now)):",
        "if not lifted:",
    ),
    Bug(
        "a release is lost where the hook's address is missing for a moment",
        "alerts/evaluate.py",
        "if trigger is not None and self._outbox.has(trigger, HOOK):",
        "if HOOK in self._inputs.readership.channels and trigger and self._outbox.has(trigger, HOOK):",
    ),
    Bug(
        "a hook that is configured while a cap is reached hears nothing of it",
        "alerts/evaluate.py",
        "self._ask_late(standing, standing.armed.n)",
        "pass",
    ),
    Bug(
        "a milestone is told at every evaluation",
        "caps/policy.py",
        "return replace(standing, milestone=highest), () if beside_hard else (said,)",
        "return standing, () if beside_hard else (said,)",
    ),
    Bug(
        "a forecast is told at every evaluation",
        "caps/policy.py",
        "return replace(standing, forecast=expected), (said,)",
        "return standing, (said,)",
    ),
    Bug(
        "a forecast from figures with a hole is told",
        "caps/policy.py",
        "if found.forecast is None or not found.measured:",
        "if found.forecast is None:",
    ),
    Bug(
        "what was forecast is forgotten over a restart",
        "caps/ledger.py",
        "forecast=Level.of(row.forecast) if row.forecast else Level.OK,",
        "",
    ),
)


def outcome(bug: Bug | None, examples: int) -> str:
    """The last line that the machine writes about a copy of the package with `bug`; empty if all holds."""
    with tempfile.TemporaryDirectory(prefix="aispend-planted-") as made:
        copy = Path(made)
        shutil.copytree(ROOT / PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        if bug is not None:
            file = copy / PACKAGE / bug.file
            text = file.read_text(encoding="utf-8")
            if text.count(bug.right) != 1:
                raise ValueError(f"{bug.name}: {bug.right!r} is in {bug.file} {text.count(bug.right)} times, not once")
            file.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")
        return _machine(copy, examples)


def _machine(copy: Path, examples: int) -> str:
    """Run the machine on the package in `copy`."""
    environment = {**os.environ, "PYTHONPATH": f"{copy}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "aispend_pipeline_tests.caps.drive", str(copy), str(examples)],
        env=environment,
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return ran.stdout.strip() if ran.returncode in (0, 1) else f"could not run: {ran.stderr[-300:]}"


def main() -> int:
    """Say of every bug whether it is found; 1 if one is not."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        missed = 0
        for bug, line in zip(FOUND, pool.map(lambda bug: outcome(bug, EXAMPLES), FOUND), strict=True):
            print(f"{'found' if line else 'NOT FOUND'}: {bug.name} ({line[:100]})", flush=True)
            missed += not line
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
