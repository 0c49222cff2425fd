"""The first bytes of a DuckDB file say what they should, of files as DuckDB itself writes them."""

import shutil

import duckdb
import pytest

from aispend_pipeline.health.duckdb_header import header


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "x.duckdb"
    with duckdb.connect(str(made)) as connection:
        connection.execute("CREATE TABLE t AS SELECT uuid() AS u FROM range(20000)")
    return made


def test_a_copy_is_as_its_original_until_one_of_them_is_written_or_cut(file, tmp_path):
    copy = tmp_path / "copy.duckdb"
    shutil.copy(file, copy)
    assert header(copy) == header(file)
    assert header(copy).length == file.stat().st_size

    cut = tmp_path / "cut.duckdb"
    cut.write_bytes(file.read_bytes()[:-262144])
    assert header(cut).lost_its_end(header(copy))
    assert not header(copy).lost_its_end(header(cut))

    with duckdb.connect(str(file)) as connection:
        connection.execute("DROP TABLE t")
        connection.execute("CHECKPOINT")
    assert header(file).length < header(copy).length
    assert not header(file).lost_its_end(header(copy))


@pytest.mark.parametrize("content", [b"", b"DUCK", b"hello world\n" * 2000, b"\x99" * 4096])
def test_what_is_no_duckdb_file_has_none(tmp_path, content):
    (tmp_path / "x").write_bytes(content)

    assert header(tmp_path / "x") is None


def test_a_start_that_was_cut_off_is_none(file):
    file.write_bytes(file.read_bytes()[:12287])

    assert header(file) is None
