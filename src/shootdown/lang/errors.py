"""Refusals: what is wrong with a model, where, and what to write instead.

A mistake in a model is never a Python traceback. The compiler collects `Diagnostic`s and raises
one `ModelError` with all of them; printing follows the shape editors know: `file:line:column:
error: …`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shootdown.program.where import Where


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. `help` says what to do; `notes` say how the place was reached."""

    where: Where
    message: str
    help: str = ""
    notes: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """the source lines directly above the place"""

    def render(self) -> str:
        """The lines an editor and a reader want."""
        place = self.where
        head = f"{place.file}:{place.line}:{place.column + 1}: error: {self.message}"
        lines = [head, *self._excerpt()]
        if context := ", ".join(self._context()):
            lines.append(f"  {context}")
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)

    def _excerpt(self) -> list[str]:
        place = self.where
        text = place.text.rstrip()
        if not text:
            return []
        first = place.line - len(self.before)
        rows = [*self.before, text]
        shown = [f"{first + n:6} | {row}".rstrip() for n, row in enumerate(rows)]
        end = place.end_column if place.end_line == place.line else len(text)
        carets = "^" * max(1, _columns(text[place.column : end]))
        return [*shown, " " * 7 + "| " + _blank(text[: place.column]) + carets]

    def _context(self) -> list[str]:
        """How the place was reached, up to the edge of the user's code: who calls that is ours."""
        chain = self.where.chain
        notes = [f"in `{self.where.function}`"] if self.where.function else []
        for inner, caller in pairwise(chain):
            if not caller.function:
                break
            notes.append(f"called from `{caller.function}` at {caller.file}:{caller.line}")
            if is_shipped(caller.file) and not is_shipped(inner.file):
                break
        return [*notes, *self.notes]


def is_shipped(file: str) -> bool:
    """Whether reports name a file of ours so (`source.shown_path`)."""
    return file.startswith("shootdown/")


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _blank(text: str) -> str:
    """White space as wide as the text; tabs stay tabs, so that carets stand below their target."""
    return "".join("\t" if c == "\t" else " " * _columns(c) for c in text)


class ModelError(Exception):
    """Everything that is wrong with a model; exit status 2."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(diagnostic.render() for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)

    def __reduce__(self) -> tuple[type[ModelError], tuple[tuple[Diagnostic, ...]]]:
        return (type(self), (self.diagnostics,))


class RefusedError(Exception):
    """Thrown inside the compiler to leave the current statement; the statement's end catches it."""

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__(diagnostic.message if diagnostic else "follows from an earlier error")
        self.diagnostic = diagnostic


@dataclass(slots=True)
class Collector:
    """The diagnostics of one compilation, each place and message once."""

    found: dict[tuple[str, int, int, str], Diagnostic] = field(default_factory=dict)

    def add(self, diagnostic: Diagnostic) -> None:
        place = diagnostic.where
        key = (place.file, place.line, place.column, diagnostic.message)
        self.found.setdefault(key, diagnostic)

    def raise_if_any(self) -> None:
        if self.found:
            raise ModelError(in_order(self.found.values()))


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics by file, line and column."""
    return sorted(diagnostics, key=lambda d: (d.where.file, d.where.line, d.where.column))
