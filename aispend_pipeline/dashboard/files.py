"""The files that the page consists of, as they are served."""

import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PAGE = "page.html"
PLOTLY = "plotly.js"
_HERE = Path(__file__).parent
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


class File(NamedTuple):
    """A file of the page, also compressed: on a slow line Plotly's bundle would take seconds."""

    media_type: str
    body: bytes
    compressed: bytes

    @property
    def tag(self) -> str:
        """The same as long as the file is."""
        return hashlib.sha256(self.body).hexdigest()[:16]


def names() -> Iterator[str]:
    """What the page may ask for; nothing else is served."""
    yield from (file.name for file in sorted(_HERE.iterdir()) if file.suffix in _TYPES)
    yield PLOTLY


@cache
def file(name: str) -> File:
    """The file of that name, one of `names`; read once."""
    path = _plotly() if name == PLOTLY else _HERE / name
    body = path.read_bytes()
    return File(_TYPES[Path(name).suffix], body, gzip.compress(body, 6, mtime=0))


def _plotly() -> Path:
    """Plotly's bundle, in its package; that is not imported, which takes half a second."""
    found = find_spec("plotly")
    assert found is not None and found.submodule_search_locations  # noqa: S101 - a dependency
    return Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
