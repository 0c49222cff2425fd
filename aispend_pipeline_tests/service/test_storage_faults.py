"""A running service whose storage fails says so, by its name and with a remedy, answers on, and is well afterwards."""

import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import httpx
import pytest

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.opening import WRITE_CONFIG

from ..cli.conftest import Shell, ago, one_line, today, world
from ..waiting import first_line
from ..warehouse.building import corrupt
from ..warehouse.driver import started
from . import faults
from .installation import status_of
from .process import service_process

SPEND = {"from": str(ago(1)), "to": str(ago(1)), "groupBy": "model"}
TOTAL = "1.35"


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    """A shell in an installation that is in order."""
    with pytest.MonkeyPatch.context() as patch, world(tmp_path_factory.mktemp("faults") / "shell") as (made, _):
        patch.chdir(made.folder)
        made.fill(ago(1), today())
        faults.with_every_store(made.home)
        yield made


@pytest.fixture(scope="module")
def running(shell) -> Iterator[httpx.Client]:
    """The service over it, which runs through all that befalls its home."""
    with service_process(shell.home, **shell.settings) as (base, _), httpx.Client(base_url=base) as client:
        client.get("/spend", params=SPEND)  # it has the snapshot open before anything befalls it
        yield client


def is_well(client: httpx.Client) -> None:
    body = status_of(client)
    assert (body["status"], body["reasons"]) == ("ok", [])
    assert {one["store"]: one["state"] for one in body["stores"]} == dict.fromkeys(
        ("snapshot", "warehouse", "state", "dagster", "disk"), "ok"
    )
    assert client.get("/spend", params=SPEND).json()["total_usd"] == TOTAL


CASES: dict[str, tuple[Callable[[Path], AbstractContextManager[None]], str, str, str, int]] = {
    "no pointer": (
        lambda home: faults.gone(home / "CURRENT"),
        "snapshot",
        "missing",
        "aispend recompute",
        503,
    ),
    "no snapshot": (lambda home: faults.gone(faults.snapshot(home)), "snapshot", "missing", "aispend recompute", 200),
    "a snapshot with a garbage header": (
        lambda home: faults.changed(faults.snapshot(home), faults.garbage_header),
        "snapshot",
        "damaged",
        "aispend recompute",
        200,
    ),
    "a newer version's snapshot": (lambda home: faults.of_schema(home, 1), "snapshot", "newer", "upgrade aispend", 503),
    "half a warehouse": (
        lambda home: faults.changed(home / "warehouse.duckdb", faults.half),
        "warehouse",
        "damaged",
        "restore it: cp ",
        200,
    ),
    "a state database of rubbish": (
        lambda home: faults.changed(home / "state.sqlite", faults.rubbish),
        "state",
        "damaged",
        "restore the file",
        200,
    ),
    "no runs of Dagster's": (lambda home: faults.gone(home / faults.RUNS), "dagster", "missing", "aispend up", 200),
}


LONG = ("a snapshot with a garbage header", "a state database of rubbish")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in CASES])
def test_a_store_that_fails_is_named_with_a_remedy_and_all_is_well_when_it_is_back(shell, running, name):
    fault, store, state, said, code = CASES[name]

    with fault(shell.home):
        body = status_of(running)
        spend = running.get("/spend", params=SPEND)

    troubled = [one for one in body["stores"] if one["state"] != "ok"]
    assert [(one["store"], one["state"]) for one in troubled] == [(store, state)]
    assert body["status"] == "failing"
    assert body["reasons"][0] == troubled[0]["detail"]
    assert body["reasons"][0].startswith(str(shell.home))
    assert said in body["reasons"][0]
    assert (spend.status_code, code == 503 or spend.json()["total_usd"] == TOTAL) == (code, True)
    is_well(running)


@pytest.mark.long
def test_a_state_database_that_is_locked_is_not_waited_for(shell, home):
    shutil.copytree(shell.home, home)
    with (
        faults.locked(home / "state.sqlite"),
        service_process(home, **shell.settings) as (base, _),
        httpx.Client(base_url=base) as client,
    ):
        body = status_of(client)
        spend = client.get("/spend", params=SPEND)

    line = f"{home / 'state.sqlite'}: is locked by another process; end that, or try again when it is done"
    assert (body["status"], body["reasons"], body["outbox"]) == ("failing", [line], None)
    assert spend.json()["total_usd"] == TOTAL


def test_dagster_s_storage_is_locked_now_and_then_and_that_is_no_failure(shell, running):
    with faults.locked(shell.home / faults.RUNS):
        body = status_of(running)

    assert (body["status"], body["reasons"]) == (
        "degraded",
        [f"{shell.home / faults.RUNS}: is locked by another process; end that, or try again when it is done"],
    )
    is_well(running)


def test_several_faults_are_said_side_by_side(shell, running):
    with (
        faults.gone(shell.home / "CURRENT"),
        faults.changed(shell.home / "state.sqlite", faults.rubbish),
        faults.locked(shell.home / faults.RUNS),
        faults.gone(shell.home / "warehouse.duckdb"),
    ):
        body = status_of(running)

    assert {one["store"]: one["state"] for one in body["stores"]} == {
        "snapshot": "missing",
        "warehouse": "missing",
        "state": "damaged",
        "dagster": "locked",
        "disk": "ok",
    }
    assert body["reasons"][-1].startswith(str(shell.home / faults.RUNS))
    is_well(running)


@pytest.mark.long
def test_readers_see_one_snapshot_and_hear_of_no_lock_while_a_writer_is_at_work(shell, running):
    paths = ("/spend", "/status", "/providers/openai/raw", "/healthz")
    with started("hold", shell.home) as writer:
        assert first_line(writer) == "held\n"
        answers = [running.get(path) for path in paths]
        printed = [shell.run(command) for command in ("spend", "status")]
        is_well(running)

    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert [(one.code, one.err) for one in printed] == [(0, "")] * 2


@pytest.mark.long
def test_a_home_that_lost_rows_is_said_from_the_start(shell, home):
    shutil.copytree(shell.home, home)
    warehouse = Warehouse(home, SystemClock())
    corrupt(warehouse, "DELETE FROM spend WHERE model = 'whisper'")

    with service_process(home, **shell.settings) as (base, _), httpx.Client(base_url=base) as client:
        body = status_of(client)

    first, last = ago(1), today()
    remedy = f"run: aispend recompute --from {first} --to {last}"
    assert (body["status"], body["reasons"]) == (
        "degraded",
        [
            f"openai default: the sums of 2 days are not those of their rows; {remedy}",
            f"openai_costs default: the rows of 2 days are not what was read; {remedy}",
        ],
    )


def with_a_log(home: Path, change: Callable[[bytes], bytes]) -> None:
    """As a writer leaves the home that dies before it can tidy up, and what befell its log then."""
    with duckdb.connect(str(home / "warehouse.duckdb"), config=WRITE_CONFIG) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        for _ in range(3):
            connection.execute("INSERT INTO store_meta SELECT max(seq) + 1, now(), max(schema_version) FROM store_meta")
    log = home / "warehouse.duckdb.wal"
    log.write_bytes(change(log.read_bytes()))


@pytest.mark.long
def test_a_log_that_is_torn_keeps_no_service_from_starting(shell, home):
    shutil.copytree(shell.home, home)
    with_a_log(home, faults.half)

    with service_process(home, **shell.settings) as (base, _), httpx.Client(base_url=base) as client:
        is_well(client)


def flipped_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 20]) + content[middle + 20 :]


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "a log damaged in the middle": lambda home: with_a_log(home, flipped_in_the_middle),
    "missing": lambda home: (home / "warehouse.duckdb").unlink(),
}


@pytest.mark.long
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_service_does_not_start_over_a_warehouse_that_it_cannot_open(shell, home, name):
    shutil.copytree(shell.home, home)
    UNUSABLE[name](home)
    before = {file: file.read_bytes() for file in home.glob("warehouse.duckdb*")}

    refused = Shell(home.parent, shell.settings).run_apart("serve", "--port", "0")

    assert (refused.code, refused.out) == (1, "")
    line = one_line(refused.err)
    assert line.startswith(f"{home}/warehouse.duckdb: ")
    assert f"restore it: cp {faults.snapshot(home)} {home}/warehouse.duckdb" in line
    assert {file: file.read_bytes() for file in home.glob("warehouse.duckdb*")} == before


@pytest.mark.long
def test_a_service_that_is_asked_to_end_answers_what_it_was_asked_before(shell):
    asked = threading.Semaphore(0)
    with service_process(shell.home, **shell.settings) as (base, process):

        def ask(_: int) -> list[int]:
            codes = []
            with httpx.Client(base_url=base) as client:
                while process.poll() is None and len(codes) < 10_000:
                    try:
                        codes.append(client.get("/spend", params=SPEND).status_code)
                    except httpx.TransportError:  # it takes nothing new
                        break
                    asked.release()
            return codes

        with ThreadPoolExecutor(4) as askers:
            answers = [askers.submit(ask, n) for n in range(4)]
            for _ in range(40):
                assert asked.acquire(timeout=30)
            process.terminate()
            codes = [code for one in answers for code in one.result()]
        assert process.wait(10) in (0, -signal.SIGTERM)

    assert set(codes) == {200}
