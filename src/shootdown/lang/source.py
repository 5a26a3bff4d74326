"""From a function object to its syntax tree, and from a node of it to a place.

Each file is read and parsed once per process; a function is found by name and first line, which
is what its code object remembers. Nothing is imported or executed here.
"""

from __future__ import annotations

import ast
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType

from shootdown.program.where import Where

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file: its lines and its functions by (name, line of the first decorator or def)."""

    shown: str
    lines: tuple[str, ...]
    functions: dict[tuple[str, int], ast.FunctionDef]
    lambdas: tuple[ast.FunctionDef, ...]
    """lambdas, as the functions that they are short for; inner ones after outer ones"""

    def before(self, where: Where, count: int = 2) -> tuple[str, ...]:
        """Up to `count` lines above a place, down to the nearest empty one."""
        rows: list[str] = []
        for text in reversed(self.lines[max(0, where.line - 1 - count) : where.line - 1]):
            if not text.strip():
                break
            rows.insert(0, text.rstrip())
        return tuple(rows)

    def where(self, node: ast.AST, function: str, caller: Where | None) -> Where:
        """The place of a node. Columns are in characters, although `ast` counts bytes."""
        line = getattr(node, "lineno", 1)
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        end_line = getattr(node, "end_lineno", line)
        end_text = self.lines[end_line - 1] if end_line <= len(self.lines) else ""
        return Where(
            self.shown,
            line,
            _characters(text, getattr(node, "col_offset", 0)),
            end_line,
            _characters(end_text, getattr(node, "end_col_offset", 0)),
            function,
            text,
            caller,
        )


def _characters(text: str, column: int) -> int:
    return column if text.isascii() else len(text.encode()[:column].decode(errors="replace"))


@cache
def read_source(file: str) -> Source:
    """Parse a file that Python could import, so it has no syntax errors.

    Lines end where Python ends them: `splitlines` would also split at a form feed.
    """
    with tokenize.open(file) as stream:
        text = stream.read()
    tree = ast.parse(text)
    functions = {
        (node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])): node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    lambdas = tuple(_as_function(node) for node in ast.walk(tree) if isinstance(node, ast.Lambda))
    return Source(shown_path(file), tuple(text.split("\n")), functions, lambdas)


def _as_function(node: ast.Lambda) -> ast.FunctionDef:
    """The function that a lambda is short for."""
    body: ast.stmt = ast.copy_location(ast.Return(node.body), node.body)
    function = ast.FunctionDef("<lambda>", node.args, [body], [], None, None)
    return ast.copy_location(function, node)


def _lambda_of(code: CodeType, source: Source) -> ast.FunctionDef | None:
    """The innermost lambda that has all of the code in its body."""
    used = [
        ((line, first), (end_line, last))
        for line, end_line, first, last in code.co_positions()
        if line and end_line and first is not None and last  # else it stands for no text
    ]
    found = None
    for node in source.lambdas:
        body = node.body[0]
        start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        if node.lineno == code.co_firstlineno and all(start <= a and b <= end for a, b in used):
            found = node
    return found


def shown_path(file: str) -> str:
    """How reports name a file: shipped ones from the package on, others relative to here."""
    path = Path(file).resolve()
    if path.is_relative_to(PACKAGE):
        return str(path.relative_to(PACKAGE.parent))
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def is_shipped(cls: type) -> bool:
    """Whether a class is part of this package."""
    return cls.__module__.split(".")[0] == PACKAGE.name


def find_function(function: FunctionType) -> tuple[Source, ast.FunctionDef] | None:
    """The source of a function, or None for one that was not written in a file."""
    code = function.__code__
    try:
        source = read_source(code.co_filename)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    node = source.functions.get((code.co_name, code.co_firstlineno))
    if code.co_name == "<lambda>":
        node = _lambda_of(code, source)
    return (source, node) if node else None


def place_of(function: FunctionType) -> Where:
    """Where a function is defined, for errors about the function as a whole."""
    found = find_function(function)
    if found is None:
        code = function.__code__
        return Where(code.co_filename, code.co_firstlineno, 0, code.co_firstlineno, 0, "", "")
    source, node = found
    head = ast.Pass(lineno=node.lineno, col_offset=node.col_offset)
    head.end_lineno = node.lineno
    head.end_col_offset = len(source.lines[node.lineno - 1])
    return source.where(head, "", None)
