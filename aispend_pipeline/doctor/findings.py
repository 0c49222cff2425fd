"""What was found, one line each: all right, worth knowing, or wrong."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How a line begins."""

    OK = "ok"
    NOTE = "note"  # worth knowing, and nothing is wrong
    FAIL = "FAIL"


class Finding(NamedTuple):
    """What it is about (`home`, `openai default`), and what of it: after a problem's semicolon comes its remedy."""

    level: Level
    about: str
    text: str

    @property
    def line(self) -> str:
        """As it is printed; without what a provider's text could do to a terminal."""
        said = " ".join(self.text.split())
        return f"{self.level:<4} {self.about}: " + "".join(letter for letter in said if letter.isprintable())
