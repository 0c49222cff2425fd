"""What a run in this process writes, kept where the UI shows it, by processes that Ctrl-C does not meet."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData


def in_a_terminal(dagster_home: Path) -> InstanceRef:
    """The instance of that folder, with `ComputeLogs` in place of Dagster's own."""
    kept = {"base_dir": str(dagster_home / "storage")}
    named = {"module": ComputeLogs.__module__, "class": ComputeLogs.__name__, "config": kept}
    return InstanceRef.from_dir(str(dagster_home), overrides={"compute_logs": named})


class ComputeLogs(LocalComputeLogManager):
    """Dagster's own, whose processes end with ours: at a terminal Ctrl-C would have them print a traceback."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "ComputeLogs":
        """What `dagster.yaml` describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Keep what the block writes; what is started for that inherits that Ctrl-C is held back."""
        with ExitStack() as stack:
            with _ctrl_c_held_back():
                context = stack.enter_context(super().capture_logs(log_key))
            yield context


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """It is not lost: it comes when the block is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
