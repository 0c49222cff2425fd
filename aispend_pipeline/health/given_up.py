"""The processes beside `aispend up` that were given up: written where they are watched, read where health is told."""

from pathlib import Path

_FILE = "given_up"


def none_given_up(home: Path) -> None:
    """Begin anew: none is."""
    (home / _FILE).unlink(missing_ok=True)


def give_up(home: Path, line: str) -> None:
    """Remember one, as a line for a person."""
    with (home / _FILE).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def given_up(home: Path) -> list[str]:
    """A line for each."""
    try:
        return (home / _FILE).read_text(encoding="utf-8").splitlines()
    except OSError:  # what else is wrong with the home is told of the stores
        return []
