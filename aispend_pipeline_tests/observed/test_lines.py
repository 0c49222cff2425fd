"""How lines look: one JSON object each where nobody watches, whoever wrote them, and readable on a terminal."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

EVERYBODY = """
import asyncio, logging, sys, warnings
from aispend_pipeline import log

log.configure_process()
log.log.info("published", file="a\\nb", seq=1)
logging.getLogger("uvicorn.error").info("quiet")
logging.getLogger("uvicorn.error").error("Exception in ASGI application\\n", exc_info=ValueError("told already"))
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
warnings.warn("this is\\nold", DeprecationWarning)

async def broken():
    raise ValueError("the text of a parameter")

async def main():
    task = asyncio.create_task(broken())
    await asyncio.sleep(0)
    del task

log.log.debug("published", file="no", seq=2)
asyncio.run(main())
"""


def run(code: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, **more)


@pytest.fixture(scope="module")
def done() -> subprocess.CompletedProcess:
    """A process in which everybody has something to say."""
    return run(EVERYBODY)


def test_every_line_of_a_process_is_one_json_object_whoever_wrote_it(done):
    assert (done.returncode, done.stdout) == (0, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line.get("logger")) for line in lines] == [
        ("info", None),
        ("warning", "uvicorn.error"),
        ("warning", "py.warnings"),
        ("error", "asyncio"),
    ]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0]["file"] == "a\nb"
    assert "this is\nold" in lines[2]["event"]


def test_of_an_exception_the_log_has_its_type_and_place_and_not_its_text(done):
    told = json.loads(done.stderr.splitlines()[-1])
    assert (told["error"], told["where"]) == ("ValueError", "<string>:13 broken")
    assert "the text of a parameter" not in done.stderr


def on_a_terminal(code: str) -> bytes:
    """What a program writes on its standard error where that is a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    text = b""
    with suppress(OSError):  # the end of a terminal
        while more := os.read(ours, 4096):
            text += more
    os.close(ours)
    return text


def test_a_terminal_gets_lines_for_people():
    text = on_a_terminal("from aispend_pipeline.log import log; log.info('published', file='a.duckdb', seq=7)")

    assert b"published" in text
    assert b"a.duckdb" in text
    assert b"\x1b[" in text
    assert not text.startswith(b"{")


@pytest.mark.parametrize("closing", ["sys.stderr.close()", "os.dup2(os.open('/dev/full', 1), 2)"])
def test_work_goes_on_where_nothing_can_be_logged(closing):
    code = f"""
import os, sys
from aispend_pipeline.log import log
{closing}
log.error("published", file="a", seq=1)
print("went on")
sys.stdout.flush()
os._exit(0)
"""
    assert run(code).stdout == "went on\n"


def test_what_a_command_says_itself_is_not_logged_as_well():
    code = """
import logging
from aispend_pipeline import log

log.configure(logging.WARNING, told={"fetch.done"})
with log.listened(print):
    log.log.warning("fetch.done", source="a")
    log.log.warning("state.unusable", error="b")
"""
    done = run(code)

    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["state.unusable"]
    assert done.stdout == "fetch.done a\nstate.unusable b\n"
