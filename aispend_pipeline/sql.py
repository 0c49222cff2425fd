"""SQL lives in `.sql` files beside the Python that uses it; this reads them."""

from functools import cache
from importlib.resources import files


@cache
def packaged(room: str, file: str) -> str:
    """The text of `<room>/<file>` in this package."""
    return (files("aispend_pipeline") / room / file).read_text(encoding="utf-8")


def statement(room: str, name: str) -> str:
    """The SQL of `<room>/<name>.sql`."""
    return packaged(room, f"{name}.sql")
