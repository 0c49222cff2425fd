"""Every line that the package logs is of an event that `log.EVENTS` declares, with fields that it declares."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aispend_pipeline
from aispend_pipeline.log import EVENTS, IDS, fault

PACKAGE = Path(aispend_pipeline.__file__).parent
LEVELS = {"debug", "info", "warning", "error"}
# Those that log an event that they are given; what they are given is looked at as if they logged it.
WRAPPERS = {"dispatch_loop.py": {"_tell"}}
# What structlog puts on a line itself.
TAKEN = {"event", "level", "timestamp", "logger", *IDS}


def calls(file: Path) -> Iterator[tuple[ast.Call, str, ast.AST]]:
    """The calls that log, with the file and function that they are in."""
    wrappers = WRAPPERS.get(file.name, set())
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (_logs(node.func, function) or _of(node.func, "self") in wrappers):
                    yield node, f"{file.name}:{node.lineno}", function


def _logs(called: ast.expr, function: ast.AST) -> bool:
    """Whether it is `log.<level>`, or a choice of two, perhaps by the name that it has in the function."""
    if isinstance(called, ast.Name):
        made = [node.value for node in ast.walk(function) if isinstance(node, ast.Assign) and _names(node, called.id)]
        return any(_logs(value, function) for value in made if not isinstance(value, ast.Name))
    if isinstance(called, ast.IfExp):
        return _logs(called.body, function)
    return _of(called, "log") in LEVELS


def _names(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _of(called: ast.expr, owner: str) -> str | None:
    """The name of what is asked of `owner`."""
    asked = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == owner
    return called.attr if asked else None


def fields_of(call: ast.Call, function: ast.AST) -> set[str]:
    """The names of the fields, those in a dictionary that was made in the same function among them."""
    names = {keyword.arg for keyword in call.keywords if keyword.arg}
    for keyword in call.keywords:
        if keyword.arg is None:
            names |= _keys(keyword.value, function)
    return names


def _keys(value: ast.expr, function: ast.AST) -> set[str]:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "fault":
        return set(fault(ValueError()))
    if isinstance(value, ast.Dict):
        return {key.value for key in value.keys if isinstance(key, ast.Constant)}
    assert isinstance(value, ast.Name), ast.dump(value)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target, made in _assigned(node):
                if target == value.id:
                    return _keys(made, function)
    assert value.id == getattr(function.args.kwarg, "arg", None), value.id
    return set()


def _assigned(node: ast.Assign) -> list[tuple[str, ast.expr]]:
    (target,) = node.targets
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return [(one.id, made) for one, made in zip(target.elts, node.value.elts, strict=True)]
    return [(target.id, node.value)] if isinstance(target, ast.Name) else []


LOGGED = [call for file in sorted(PACKAGE.rglob("*.py")) if file.name != "log.py" for call in calls(file)]


def event_of(call: ast.Call, where: str, function: ast.AST) -> str | None:
    """The event that a call is of; None is what a wrapper was given, whose callers are looked at themselves."""
    event = call.args[0]
    if isinstance(event, ast.Constant):
        return event.value
    assert function.name in WRAPPERS.get(where.partition(":")[0], ()), f"{where}: the event is not written there"
    assert isinstance(event, ast.Name), ast.dump(event)
    assert event.id in {one.arg for one in function.args.args}, event.id
    return None


@pytest.mark.parametrize(("call", "where", "function"), LOGGED, ids=[where for _, where, _ in LOGGED])
def test_a_line_has_a_declared_event_and_declared_fields(call, where, function):
    event = event_of(call, where, function)
    if event is not None:
        assert event in EVENTS, f"{event} is not declared"
        assert fields_of(call, function) <= set(EVENTS[event].fields.split()), event


def test_every_declared_event_is_logged_somewhere():
    text = "".join(file.read_text() for file in PACKAGE.rglob("*.py") if file.name != "log.py")
    assert [event for event in EVENTS if f'"{event}"' not in text] == []


def test_no_field_has_a_name_that_a_line_has_anyway():
    assert {name for event in EVENTS.values() for name in event.fields.split()} & TAKEN == set()


def test_a_call_with_other_fields_would_be_noticed():
    tree = ast.parse("def f():\n    more = {'body': 1}\n    log.info('published', seq=1, **more, **fault(error))")
    (function,) = tree.body
    (call,) = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _logs(node.func, function)]
    assert fields_of(call, function) == {"seq", "body", "error", "where"}
