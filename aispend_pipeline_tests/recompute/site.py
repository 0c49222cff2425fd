"""A home with three days that were read, the service over it, and what may be wrong with it."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx

from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse, snapshots_of
from aispend_pipeline_tests.cli.conftest import ago, world

PATH = "/admin/recompute"
TOKEN = "let-me-in-Qz7"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
DAYS = Window(ago(3), ago(1))
ASKED = {"from": str(DAYS.first), "to": str(DAYS.last)}


@dataclass
class Site:
    """An installation; no Dagster is where it looks for one."""

    home: Path
    set: dict[str, str] = field(default_factory=lambda: {"ADMIN_TOKEN": TOKEN, "AISPEND_DAGSTER_PORT": "1"})

    def settings(self, **more: str) -> Settings:
        return Settings.load({"AISPEND_HOME": str(self.home), **self.set, **more}, dotenv=None)

    @contextmanager
    def serving(self, clock: Clock | None = None, **more: str) -> Iterator[httpx.Client]:
        """The service on loopback, asked by an admin."""
        app = create_app(self.settings(**more), clock or SystemClock())
        with served(app) as base, httpx.Client(base_url=base, headers=ADMIN, timeout=60) as client:
            yield client

    def write(self, *statements: str) -> None:
        """Change the store behind the product's back, and publish that."""
        with Warehouse(self.home, SystemClock()).write(publish=True) as transaction:
            for sql in statements:
                transaction.execute(sql)

    def spoil(self) -> None:
        """A row of the last day is a dollar too dear."""
        self.write(f"UPDATE spend SET amount_usd = amount_usd + 1 WHERE line_item = 'whisper' AND day = '{DAYS.last}'")

    def rows(self, table: str = "spend") -> list[Any]:
        """The rows of a table in the newest snapshot."""
        with snapshots_of(self.home).current()[1] as cursor:
            return cursor.execute(f"FROM {table} ORDER BY ALL").fetchall()

    def stored(self, table: str = "spend") -> list[Any]:
        """The rows of a table in the store itself."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(f"FROM {table} ORDER BY ALL").fetchall()


# What spoiling makes of a sum, as a recompute finds it.
CHANGE = {
    "day": str(DAYS.last),
    "source": "openai_costs",
    "account": "default",
    "provider": "openai",
    "model": "whisper",
    "was_usd": "1.10",
    "is_usd": "0.10",
}


@contextmanager
def read_site(folder: Path) -> Iterator[Site]:
    """The site whose days were just read; copies of it are its own."""
    with world(folder / "shell") as (shell, _):
        shell.fill(DAYS.first, DAYS.last)
        yield Site(shell.home)


def copied(site: Site, home: Path) -> Site:
    shutil.copytree(site.home, home)
    return Site(home)


def ended(service: httpx.Client, asked: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
    """What became of a request."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        body: dict[str, Any] = service.get(asked["status_url"]).raise_for_status().json()
        if body["ended_at"] is not None:
            return body
        time.sleep(0.1)
    raise AssertionError(body)
