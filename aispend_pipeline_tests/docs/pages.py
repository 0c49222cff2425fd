"""The README and the pages of docs/: their blocks of code, and the commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^(?P<indent> *)```(?P<told>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
# Without what the shell would take for a comment.
_COMMENT = re.compile(r"(^|\s)#.*$")


class Block(NamedTuple):
    """A fenced block: its language, and what else stands beside that."""

    page: str
    language: str
    mark: str
    body: str


class Command(NamedTuple):
    """A line for the shell, as the page has it but for its comment; `mark` is its block's."""

    page: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages, page by page."""
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def commands() -> list[Command]:
    """All that a reader may type: lines of `sh`, lines of `console` after the prompt, and blocks of Python."""
    return [Command(b.page, text, b.mark) for b in blocks("sh", "console", "python") for text in _typed(b)]


def _blocks(page: Path) -> Iterator[Block]:
    for found in _FENCED.finditer(page.read_text()):
        language, _, mark = found["told"].partition(" ")
        yield Block(page.name, language, mark, dedent(found["body"]))


def _typed(block: Block) -> Iterator[str]:
    if block.language == "python":
        yield f"python - <<'END'\n{block.body}END"
        return
    for line in block.body.replace("\\\n", " ").splitlines():
        prompted = line.startswith("$ ")
        if block.language == "sh" or prompted:
            text = _COMMENT.sub("", line.removeprefix("$ ")).strip()
            if text:
                yield text
