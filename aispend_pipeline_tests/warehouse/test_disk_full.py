"""A file that cannot grow fails the write in one line; reads go on, and when there is room again all is well."""

import json

import pytest

from .building import corrupt
from .driver import started

# Bytes that no file may exceed, none for the size of the store as it is; rows that are written then.
CASES = {
    "nothing fits": (1, 50_000, ""),
    "the log of the commit does not fit": (100_000, 50_000, ""),
    "the commit fits and the checkpoint does not": (None, 9_000, ""),
    "the copy for readers does not fit": (100_000, 50_000, "publish only"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_a_full_disk_fails_in_one_line_and_all_is_well_when_there_is_room_again(warehouse, home, case):
    limit, rows, publish_only = CASES[case]
    corrupt(warehouse, "CREATE TABLE much AS SELECT 'kept' AS word")
    warehouse.publish()

    limit = limit or warehouse.file.stat().st_size
    with started("fill-up", home, str(limit), str(rows), publish_only) as process:
        seen = json.loads(process.communicate(timeout=60)[0])

    assert seen["told"] is not None, "the write was expected to fail"
    assert "\n" not in seen["told"]
    assert seen["told"].startswith(str(home))
    assert "free some space" in seen["told"]
    assert (seen["before"], seen["after"]) == (1, rows)
    assert process.returncode == 0
    assert [file.name for file in (home / "snapshots").iterdir() if file.suffix != ".duckdb"] == []
