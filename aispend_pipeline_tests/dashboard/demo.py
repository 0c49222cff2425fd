"""The demo as a person starts it, and pictures of its dashboard.

`python -m aispend_pipeline_tests.dashboard.demo` makes those of the README in docs/images; it takes a few minutes.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from ..waiting import first_line
from .browser import PHONE, WIDE, chromium, opened

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STORY_TOLD = "openai_costs eu"  # what it says of the last thing that happens: a day is restated
# What each picture is of: the view, the width, light or dark, and the height; none is the whole page.
PICTURES = {
    "dashboard": ("/", WIDE, "light", 1120),
    "dark": ("/#cut=model&chart=sum", WIDE, "dark", 1120),
    "keys": ("/#cut=project&by=api_key&provider=openai", WIDE, "light", None),
    "phone": ("/", PHONE, "light", 1200),
}


@contextmanager
def living_demo(home: Path, wait_for: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The dashboard's address and the demo's process, once it has said `wait_for`; it must end well on Ctrl-C."""
    ports = {"AISPEND_PORT": str(_free_port()), "AISPEND_DAGSTER_PORT": str(_free_port())}
    program = str(Path(sys.executable).parent / "aispend")
    with subprocess.Popen(
        [program, "demo", "--home", str(home)], env={**os.environ, **ports}, cwd=home.parent, stdout=subprocess.PIPE
    ) as process:
        try:
            found = re.search(r"http://[^/]+", first_line(process, "dashboard: "))
            assert found
            first_line(process, wait_for, 400)
            yield found[0], process
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()


def take(browser: Browser, address: str, folder: Path) -> None:
    """Make every picture; whatever a page does that it must not is a failure."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (view, width, scheme, height) in PICTURES.items():
        with opened(browser, address + view, width=width, scheme=scheme, height=height or 900) as (page, _):
            page.screenshot(path=folder / f"{name}.png", full_page=height is None)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    """Make the pictures of the README."""
    with (
        tempfile.TemporaryDirectory() as folder,
        living_demo(Path(folder) / "home", STORY_TOLD) as (address, _),
        chromium() as browser,
    ):
        time.sleep(20)  # until the caps were looked at
        take(browser, address, IMAGES)


if __name__ == "__main__":
    main()
