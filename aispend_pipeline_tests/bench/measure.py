"""Timing two things in turn, so that a machine whose speed drifts is fair to both."""

import statistics
import time
from collections.abc import Callable


def in_turn(ours: Callable[[], object], limit: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round of both, after one round of each that is not counted."""
    ours(), limit()
    pairs = [(seconds(ours), seconds(limit)) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(row: str, ours: float, limit: float, ratio: float, aim: str, note: str = "") -> None:
    print(f"{row:<42} {ours:>9.3f} s {limit:>9.3f} s {ratio:>8.2f}   {aim}  {note}")


def median(values: list[float]) -> float:
    return statistics.median(values)
