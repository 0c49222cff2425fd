"""What the pages say is there, and is spelt as it is there."""

import base64
import io
import re
import shlex
from collections.abc import Iterator
from itertools import count, takewhile

import pytest
import typer
import yaml
from dotenv import dotenv_values

from aispend_pipeline.assets.instructions import SELECTION
from aispend_pipeline.assets.tags import LANE
from aispend_pipeline.cli.living_demo import INBOX_PORT
from aispend_pipeline.cli.main import app
from aispend_pipeline.settings import Settings
from aispend_pipeline.sql import packaged

from .pages import PAGES, ROOT, Command, blocks, commands

_LINK = re.compile(r"\[[^]]*\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
# After the five fields of when, and the user.
_SCHEDULED = [
    Command(b.page, found[1], b.mark)
    for b in blocks("cron")
    for found in re.finditer(r"^(?:[\d*/]+ +){5}\w+ +(.*)$", b.body, re.MULTILINE)
]
_COMMANDS = _SCHEDULED + [one for one in commands() if re.search(r"(^|\(|&& |=\S+ )aispend ", one.text)]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings have where such pages are shown."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for name, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target.read_text()), (name, anchor)


@pytest.mark.parametrize("command", _COMMANDS, ids=str)
def test_every_command_takes_what_it_is_given(command):
    """As the command itself reads its line; nothing is run."""
    for words in _invocations(command.text):
        _read(typer.main.get_command(app), "aispend", words)


def _read(group, name: str, words: list[str]) -> None:
    if hasattr(group, "commands"):
        _read(group.commands[words[0]], words[0], words[1:])
    else:
        group.make_context(name, words)


def _invocations(text: str) -> Iterator[list[str]]:
    """The words after each `aispend` of a line for the shell, up to what the shell keeps for itself."""
    for line in (text, *re.findall(r"\$\((.*?)\)", text)):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        if "aispend" in words:
            yield list(
                takewhile(
                    lambda word: word not in ("|", "||", "&&", ";", ">", "<"), words[words.index("aispend") + 1 :]
                )
            )


@pytest.mark.parametrize("block", blocks("ini"), ids=lambda block: f"{block.page}: {block.body.splitlines()[0]}")
def test_every_setting_that_is_shown_is_one_and_takes_its_value(block):
    shown = dotenv_values(stream=io.StringIO(filled(block.body)))
    assert Settings.load({name: text for name, text in shown.items() if text is not None}, None).warnings == ()


def filled(text: str) -> str:
    """With something for each `...`: a secret that signs, and what else is told apart."""
    numbers = count(1)
    text = text.replace("whsec_...", "whsec_" + base64.b64encode(bytes(32)).decode())
    return re.sub(r"\.\.\.", lambda _: f"docs{next(numbers)}", text)


def test_the_limits_for_an_instance_of_ones_own_are_those_of_ours_that_order_the_lanes():
    [shown] = [yaml.safe_load(block.body) for block in blocks("yaml") if "concurrency" in block.body]
    limits = yaml.safe_load(packaged("assets", "dagster.yaml"))["concurrency"]["runs"]["tag_concurrency_limits"]
    assert shown["concurrency"]["runs"]["tag_concurrency_limits"] == [one for one in limits if one["key"] == LANE]


def test_what_is_to_be_pasted_for_a_backfill_is_what_the_assets_say():
    assert [block.body.strip() for block in blocks("text") if block.page == "backfill-and-recompute.md"] == [SELECTION]


def test_every_file_that_is_named_is_there():
    for page in PAGES:
        for name in re.findall(r"`((?!raw/|dagster/)(?:[a-z_]+/)+(?:[a-z_]+\.(?:py|sql))?)`", page.read_text()):
            assert (ROOT / name).exists() or (ROOT / "aispend_pipeline" / name).exists(), (page.name, name)


def test_the_readme_leads_to_the_ports_that_are_usual():
    readme, usual = (ROOT / "README.md").read_text(), Settings.load({}, None)
    for port in (usual.port, usual.dagster_port, INBOX_PORT):
        assert f"http://127.0.0.1:{port}" in readme
