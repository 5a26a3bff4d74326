"""What the user named: a shipped driver, `file.py`, or `file.py:Class`.

A class in a file is a target if it is a driver or a model; what is wrong with its outside (methods
that are missing, parameters) is found by `scenarios.classes`, before anything is compiled.

A file is parsed before it is run, so that a syntax error is a diagnostic like any other; what it
raises while it is imported is reported at the line of that file that led to it.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import Driver
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.model import Model
from shootdown.lang.source import shown_path
from shootdown.program.where import Where
from shootdown.scenarios.classes import Target, check_class
from shootdown.scenarios.errors import TargetError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Sought:
    """What counts as a target, in words too."""

    bases: tuple[type, ...]
    word: str
    """`no driver` is what a file has that has none"""
    listed: str
    example: str


_DRIVERS = _Sought(
    (Driver,),
    "driver",
    "no Driver subclass",
    "write `class Name(Driver):` with `from shootdown import Driver`",
)
_TARGETS = _Sought(
    (Driver, Model),
    "driver or model",
    "no subclass of Driver or Model",
    "write `class Name(Driver):` or `class Name(Model):`, imported from shootdown",
)


def find_targets(target: str) -> list[tuple[str, Target]]:
    """The drivers and models a target stands for, each with the name reports use.

    Raises:
        TargetError: for a name, file or class that does not exist.
        ModelError: for a file that cannot be loaded, or a driver or model that is not one.
    """
    return _find(target, _TARGETS)


def find_drivers(target: str) -> list[tuple[str, type[Driver]]]:
    """The same where only drivers will do; models in a file are passed over.

    Raises:
        TargetError: for a name, file or class that does not exist.
        ModelError: for a file that cannot be loaded, or a driver that is not one.
    """
    return [(name, found) for name, found in _find(target, _DRIVERS) if issubclass(found, Driver)]


def _find(target: str, sought: _Sought) -> list[tuple[str, Target]]:
    if target in DRIVERS:
        return [(target, DRIVERS[target])]
    file, _, name = target.partition(":")
    if not file.endswith(".py"):
        near = get_close_matches(target, DRIVERS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise TargetError(
            f"there is no driver `{target}`",
            f"{hint}shipped drivers are {', '.join(DRIVERS)}; a file is given as path/to/file.py",
        )
    classes = _classes_in(Path(file), name, sought)
    for cls in classes:
        check_class(cls)
    return [(f"{file}:{cls.__name__}", cls) for cls in classes]


def _classes_in(path: Path, name: str, sought: _Sought) -> list[Target]:
    module = load_file(path)
    found: dict[str, Target] = {
        member.__name__: member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Driver | Model)
        and issubclass(member, sought.bases)
        and member.__module__ == module.__name__
    }
    if name and name not in found:
        raise TargetError(
            f"{path} has no {sought.word} `{name}`", f"it has {', '.join(found) or sought.listed}"
        )
    if not found:
        raise TargetError(f"{path} has no {sought.word}", sought.example)
    return [found[name]] if name else list(found.values())


def load_file(path: Path) -> ModuleType:
    """Import a file by its path.

    Raises:
        TargetError: if it cannot be read.
        ModelError: if it is not Python, or raises.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TargetError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TargetError(f"{path} is not UTF-8 text (byte {error.start})") from None
    _refuse_syntax_errors(path, text)
    name = f"shootdown_target_{abs(hash(path.resolve()))}"
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    with _neighbours(path.resolve().parent):
        blame(str(path), lambda: loader.exec_module(module))
    return module


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """A file may import those beside it. They are forgotten afterwards: in another folder the same
    name means another file."""
    before = set(sys.modules)
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in sys.modules.keys() - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and folder in Path(file).parents:
                del sys.modules[name]


def _refuse_syntax_errors(path: Path, text: str) -> None:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 1) or 1
        column = max((getattr(error, "offset", 1) or 1) - 1, 0)
        lines = text.splitlines()
        shown = lines[line - 1] if line <= len(lines) else ""
        message = getattr(error, "msg", str(error))
        place = Where(shown_path(str(path)), line, column, line, column + 1, "", shown)
        raise ModelError([Diagnostic(place, f"this is not Python: {message}")]) from None


def blame(file: str, action: Callable[[], T]) -> T:
    """Run code from a user's file; what it raises becomes a diagnostic at its line.

    Raises:
        ModelError: instead of any exception of the user's code.
    """
    try:
        return action()
    except ModelError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        resolved = str(Path(file).resolve())
        own = [f for f in frames if str(Path(f.filename).resolve()) == resolved]
        if not own:
            raise
        last = own[-1]
        line = last.lineno or 1
        text = linecache.getline(last.filename, line).rstrip()
        start = len(text) - len(text.lstrip())
        place = Where(shown_path(file), line, start, line, len(text), "", text)
        what = f"{type(error).__name__}: {error}"
        raise ModelError([Diagnostic(place, f"the file raises {what}")]) from None
