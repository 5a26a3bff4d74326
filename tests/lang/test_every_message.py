"""No message of the compiler is without a test, and none is without a remedy.

Messages are collected from the source of `lang`: whatever is given to `refuse`, or raised while a
model is built. Texts that a test expects are collected from the tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import shootdown.lang
from shootdown.lang.subset import UNSUPPORTED

from . import test_refusals

LANG = Path(shootdown.lang.__file__).parent
TESTS = Path(__file__).parents[1]
ANY = r".*"


def template(node: ast.expr, module: str) -> str | None:
    """A regular expression for a text that is written out, or is a constant of the module."""
    match node:
        case ast.Constant(value=str() as text):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(template(part, module) or ANY for part in parts)
        case ast.Name(id=name) if name.isupper():
            return re.escape(str(getattr(import_module(module), name)))
        case _:
            return None


def messages(file: Path) -> Iterator[tuple[str, str]]:
    """The file that gives a message, and a regular expression for it."""
    module = f"shootdown.lang.{file.stem}"
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        first = node.args[0]
        if called not in ("refuse", "TypeError", "ValueError"):
            continue
        place = f"{file.name}:{node.lineno}"
        if isinstance(first, ast.Starred):
            if isinstance(first.value, ast.Name):
                table = getattr(import_module(module), first.value.id, None)
                if isinstance(table, tuple):
                    yield file.name, re.escape(table[0])
            continue
        found = template(first, module)
        assert found is not None and found != ANY, f"{place}: write the message out"
        yield file.name, found


def expected() -> set[str]:
    """Every text in a test, and those that tests put together."""
    texts = {row[3] for row in test_refusals.MISTAKES.values()}
    texts |= {row[5] for row in test_refusals.CALLS.values()}
    texts |= {f"{name} is not part of the language" for name in test_refusals.ON_SIGHT.values()}
    for file in (*TESTS.glob("lang/*.py"), *TESTS.glob("models/*.py")):
        if file.name == Path(__file__).name:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    return texts


EXPECTED = expected()
MESSAGES = sorted({row for file in sorted(LANG.glob("*.py")) for row in messages(file)})


def test_messages_are_found() -> None:
    """The search is not vacuous."""
    assert len(MESSAGES) > 80
    assert len({file for file, _ in MESSAGES}) > 15


@pytest.mark.parametrize(("file", "message"), MESSAGES)
def test_message_is_tested(file: str, message: str) -> None:
    """Some test expects it, word for word but for what it names."""
    assert any(re.search(message, text) for text in EXPECTED), f"{file}: {message}"


def test_everything_refused_on_sight_is_tested() -> None:
    """Each kind of node in the table is in some test."""
    names = {*test_refusals.ON_SIGHT.values(), "`nonlocal`"}
    assert {name for name, _ in UNSUPPORTED.values()} <= names
