"""The first bytes of a DuckDB file, read without DuckDB: it locks what it opens."""

import struct
from dataclasses import dataclass
from pathlib import Path

# Bytes 8 to 12 of every DuckDB file.
_MAGIC = b"DUCK"
# Two copies of what was last written follow, each with a checksum and then the number of its writing.
_COPIES = (4096, 8192)
_LENGTH = 12288
_NUMBER = struct.Struct("<8xQ")


@dataclass(frozen=True)
class Header:
    """How many times the file was written, and its length in bytes."""

    written: int
    length: int

    def lost_its_end(self, copy: "Header") -> bool:
        """Whether the file is shorter than a copy that was made of it as it was last written."""
        return self.written == copy.written and self.length < copy.length


def header(file: Path) -> Header | None:
    """The header of `file`, none if it is not a whole one of DuckDB's. Raises `OSError`."""
    with file.open("rb") as opened:
        start = opened.read(_LENGTH)
        length = opened.seek(0, 2)
    if len(start) < _LENGTH or start[8:12] != _MAGIC:
        return None
    return Header(max(_NUMBER.unpack_from(start, at)[0] for at in _COPIES), length)
