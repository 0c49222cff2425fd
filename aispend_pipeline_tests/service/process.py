"""The service in a process of its own, as `aispend serve` starts it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from aispend_pipeline.settings import OURS

from ..waiting import first_line


@contextmanager
def service_process(home: Path, *options: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The service's address while it runs over `home`, and its process; it must end well when it is asked to."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith((*OURS, "DAGSTER_"))}
    # A file, since nobody reads while it runs: a full pipe would stop the service at its next line.
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "aispend"), "serve", "--port", "0", *options],
            env={**inherited, "AISPEND_HOME": str(home), **settings},
            cwd=home.parent,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )
        try:
            said = first_line(process)
            found = re.search(r"http://[^/]+", said)
            assert found, said + _written(told)
            yield found[0], process
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            assert "Traceback" not in _written(told)
        finally:
            process.kill()
            process.communicate()


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
