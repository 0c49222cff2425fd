"""There is one clock: days, windows and waits are only ever asked of it."""

import ast
from pathlib import Path

import pytest

import aispend_pipeline

FILES = sorted(Path(aispend_pipeline.__file__).parent.rglob("*.py"))
OF_THE_SYSTEM = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
MODULES = {"datetime", "date", "time", "dt"}


@pytest.mark.parametrize("file", [file for file in FILES if file.name != "clock.py"], ids=lambda file: file.name)
def test_the_system_clock_is_asked_in_one_module_only(file):
    asked = [
        f"{file.name}:{node.lineno}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in OF_THE_SYSTEM
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in MODULES
    ]
    assert asked == []


def test_the_clock_itself_would_be_noticed():
    text = (Path(aispend_pipeline.__file__).parent / "clock.py").read_text()
    assert "datetime.now(" in text
