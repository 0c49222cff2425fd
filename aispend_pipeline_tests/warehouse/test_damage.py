"""A file or folder that cannot be used is refused with one line that says what to do, and is left as it is."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import duckdb
import pytest

from aispend_pipeline.errors import StoreError, Trouble
from aispend_pipeline.warehouse import Warehouse, snapshots
from aispend_pipeline.warehouse import warehouse as module

from .building import DAY, SetClock, complete, corrupt, line, look, store

KNOWN = snapshots.known_schema()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store with some commits, published."""
    made = Warehouse(tmp_path_factory.mktemp("template") / "home", SetClock())
    made.publish()
    store(made, *(complete({DAY: [line(f"{n}.5")]}) for n in range(3)))
    corrupt(made, "CREATE TABLE note AS SELECT 'kept' AS word, random() AS n FROM range(100000)")
    made.publish()
    return made


@pytest.fixture
def filled(template, home, clock):
    shutil.copytree(template.home, home)
    return Warehouse(home, clock)


def garbage_header(content: bytes) -> bytes:
    return b"\x99" * 4096 + content[4096:]


DAMAGE = {
    "zero bytes": lambda content: b"",
    "a garbage header": garbage_header,
    "half its length": lambda content: content[: len(content) // 2],
    "its last block missing": lambda content: content[:-262144],
    "a few bytes only": lambda content: content[:100],
    "another kind of file": lambda content: b"hello world\n" * 2000,
}


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("action", ["publish", "write"])
def test_a_damaged_file_is_refused_in_one_line_and_left_as_evidence(filled, name, action):
    damaged = DAMAGE[name](filled.file.read_bytes())
    filled.file.write_bytes(damaged)

    with pytest.raises(StoreError) as raised:
        use(filled, action)

    told = str(raised.value)
    assert "\n" not in told
    assert told.startswith(f"{filled.file}: ")
    assert f"restore it: cp {newest(filled)} {filled.file}" in told
    assert filled.file.read_bytes() == damaged
    assert look(filled, "SELECT count(*) FROM page") == [(9,)]


@pytest.mark.parametrize("name", ["zero bytes", "a garbage header", "half its length"])
def test_the_restore_command_restores(filled, name):
    filled.file.write_bytes(DAMAGE[name](filled.file.read_bytes()))
    with pytest.raises(StoreError) as raised:
        filled.publish()
    command = str(raised.value).partition("restore it: ")[2]

    subprocess.run(command, shell=True, check=True)

    store(filled, complete({DAY: [line("9.5")]}))
    filled.publish()
    assert look(filled, 'SELECT count(*) FROM "fetch"') == [(4,)]


def test_blocks_that_were_flipped_are_named_when_they_are_read(filled):
    content = bytearray(filled.file.read_bytes())
    for middle in range(12288 + 131072, len(content), 262144):
        content[middle : middle + 100] = bytes(byte ^ 0xFF for byte in content[middle : middle + 100])
    filled.file.write_bytes(content)

    with pytest.raises(StoreError, match=r"warehouse.duckdb: .*checksum.*restore it: cp ") as raised:
        use(filled, "write")

    assert "\n" not in str(raised.value)
    assert filled.file.read_bytes() == content


@pytest.mark.parametrize("action", ["publish", "write"])
def test_a_missing_file_beside_snapshots_is_refused_and_never_started_empty(filled, action):
    filled.file.unlink()

    with pytest.raises(StoreError) as raised:
        use(filled, action)

    assert (
        str(raised.value)
        == f"{filled.file}: is missing; restore it: cp {newest(filled)} {filled.file} && rm -f {filled.file}.wal"
    )
    assert not filled.file.exists()


def test_a_file_that_another_program_has_open_is_no_damage_and_nobody_is_told_to_restore_it(filled):
    program = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    asked = [sys.executable, "-c", program, str(filled.file)]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=r"Could not set lock.*; close the program that has it open") as raised:
            filled.publish()
        other.communicate()

    assert (raised.value.trouble, "restore" in str(raised.value)) == (Trouble.LOCKED, False)
    filled.publish()


def test_a_database_that_is_not_ours_is_refused_and_left_as_it_is(filled):
    filled.file.unlink()
    with duckdb.connect(str(filled.file)) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1 AS n")
    content = filled.file.read_bytes()

    with pytest.raises(StoreError, match=r"warehouse.duckdb: .*not made by aispend"):
        filled.publish()

    assert filled.file.read_bytes() == content


def test_a_file_of_a_newer_schema_is_refused(filled):
    corrupt(filled, "UPDATE store_meta SET schema_version = 99")

    with pytest.raises(
        StoreError, match=rf"warehouse.duckdb: written by a newer aispend \(schema 99, this one knows {KNOWN}\)"
    ):
        filled.publish()

    assert look(filled, "SELECT max(schema_version) FROM store_meta") == [(KNOWN,)]


@pytest.fixture
def with_another_migration(monkeypatch):
    migrations = {
        **module._migrations(),
        KNOWN + 1: "ALTER TABLE spend ADD COLUMN note VARCHAR; CREATE TABLE extra (n INTEGER)",
    }
    monkeypatch.setattr(module, "_migrations", lambda: migrations)
    for reader in (module, snapshots):
        monkeypatch.setattr(reader, "known_schema", lambda: KNOWN + 1)
    return migrations


def test_an_older_file_is_migrated_once_with_a_copy_kept_beside_it(filled, with_another_migration):
    for _ in range(2):
        published = filled.publish()

    assert published.schema_version == KNOWN + 1
    assert look(filled, "SELECT schema_version, count(*) FROM store_meta GROUP BY ALL ORDER BY ALL") == [
        (KNOWN, 3),
        (KNOWN + 1, 1),
    ]
    assert look(filled, "SELECT count(*) FROM extra") == [(0,)]
    assert look(filled, 'SELECT count(*) FROM "fetch"') == [(3,)]
    with duckdb.connect(str(filled.file.with_name(f"warehouse.duckdb.schema{KNOWN}")), read_only=True) as kept:
        assert kept.execute('SELECT count(*) FROM "fetch"').fetchone() == (3,)
        assert kept.execute("SELECT max(schema_version) FROM store_meta").fetchone() == (KNOWN,)


def test_a_migration_that_fails_changes_nothing(filled, with_another_migration):
    whole = with_another_migration[KNOWN + 1]
    with_another_migration[KNOWN + 1] = f"{whole}; SELECT * FROM nowhere"
    with pytest.raises(StoreError, match="nowhere"):
        filled.publish()

    with_another_migration[KNOWN + 1] = whole
    filled.publish()

    assert look(filled, "SELECT max(schema_version), max(seq) FROM store_meta") == [(KNOWN + 1, 4)]


def use(warehouse: Warehouse, action: str) -> None:
    if action == "publish":
        warehouse.publish()
    else:
        with warehouse.write(publish=True) as transaction:
            transaction.execute("SELECT count(*), sum(n) FROM note").fetchall()


def newest(warehouse: Warehouse) -> str:
    return str(max((warehouse.home / "snapshots").glob("*.duckdb")))


def test_a_home_that_is_missing_is_made_for_its_owner_alone(tmp_path, clock):
    home = tmp_path / "deep" / "home"

    Warehouse(home, clock).publish()

    assert [path.stat().st_mode & 0o777 for path in (home, home / "snapshots")] == [0o700, 0o700]
    assert (home / "writer.lock").stat().st_mode & 0o777 == 0o600


def a_file(tmp_path):
    (tmp_path / "used").write_text("a file")
    return tmp_path / "used"


def a_dangling_link(tmp_path):
    (tmp_path / "used").symlink_to(tmp_path / "nowhere")
    return tmp_path / "used"


def a_link_to_itself(tmp_path):
    (tmp_path / "used").symlink_to(tmp_path / "used")
    return tmp_path / "used"


def below_a_file(tmp_path):
    return a_file(tmp_path) / "home"


def below_a_device(tmp_path):
    return tmp_path.__class__("/dev/null/x")


def below_what_the_kernel_refuses(tmp_path):
    return tmp_path.__class__("/proc/aispend")


def a_name_too_long(tmp_path):
    return tmp_path / ("x" * 300)


HOMES = [
    (a_file, "is a file, not a folder"),
    (a_dangling_link, "a link that leads nowhere"),
    (a_link_to_itself, "a link that leads nowhere"),
    (below_a_file, "cannot be written (Not a directory)"),
    (below_a_device, "cannot be written (Not a directory)"),
    (below_what_the_kernel_refuses, "cannot be written (No such file or directory)"),
    (a_name_too_long, "cannot be written (File name too long)"),
]


@pytest.mark.parametrize(("make", "why"), HOMES)
def test_a_home_that_cannot_be_used_is_refused_in_one_line(tmp_path, clock, make, why):
    home = make(tmp_path)

    with pytest.raises(StoreError) as raised:
        Warehouse(home, clock)

    told = str(raised.value)
    assert told.startswith(f"{home}: {why}")
    assert "AISPEND_HOME" in told
    assert "\n" not in told


@contextmanager
def an_ordinary_user():
    """Root may write anywhere; let the kernel judge this process as an ordinary user for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize(("mode", "below"), [(0o500, ""), (0o500, "home"), (0o000, "home"), (0o000, "deep/home")])
def test_a_home_without_permission_is_refused_in_one_line(tmp_path, clock, mode, below):
    closed = tmp_path / "closed"
    (closed / "snapshots").mkdir(parents=True)
    closed.chmod(mode)
    home = closed / below

    with an_ordinary_user(), pytest.raises(StoreError) as raised:
        Warehouse(home, clock)
    closed.chmod(0o700)

    assert str(raised.value).startswith(f"{home}: cannot be written (Permission denied)")
