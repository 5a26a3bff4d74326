"""What the user named: a shipped driver, `file.py`, or `file.py:Class`.

A file is parsed before it is run, so that a syntax error is a diagnostic like any other; what it
raises while it is imported is reported at the line of that file that led to it.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeVar

from shootdown.drivers.catalogue import DRIVERS
from shootdown.drivers.driver import CALLBACKS, NOTIFIER_CALLBACKS, Driver
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.source import place_of, shown_path
from shootdown.lang.subset import check_subset
from shootdown.program.where import Where
from shootdown.scenarios.kernels import callbacks_of

T = TypeVar("T")


class TargetError(Exception):
    """The command line names something that is not there. `help` says what is."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help

    def __reduce__(self) -> tuple[type[TargetError], tuple[str, str]]:
        return (type(self), (str(self), self.help))


def find_drivers(target: str) -> list[tuple[str, type[Driver]]]:
    """The drivers a target stands for, each with the name reports use.

    Raises:
        TargetError: for a name, file or class that does not exist.
        ModelError: for a file that cannot be loaded, or a driver that is not one.
    """
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
    found = _drivers_in(Path(file), name)
    for driver in found:
        check_driver_class(driver)
    return [(f"{file}:{driver.__name__}", driver) for driver in found]


def _drivers_in(path: Path, name: str) -> list[type[Driver]]:
    module = load_file(path)
    found = {
        member.__name__: member
        for member in vars(module).values()
        if inspect.isclass(member)
        and issubclass(member, Driver)
        and member.__module__ == module.__name__
    }
    if name and name not in found:
        raise TargetError(
            f"{path} has no driver `{name}`", f"it has {', '.join(found) or 'no Driver subclass'}"
        )
    if not found:
        raise TargetError(
            f"{path} has no driver",
            "write `class Name(Driver):` with `from shootdown import Driver`",
        )
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
    blame(str(path), lambda: loader.exec_module(module))
    return module


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


def check_driver_class(driver: type[Driver]) -> None:
    """Refuse a driver without the callbacks it needs, with wrong parameters, or with statements
    that are not part of the language.

    Raises:
        ModelError: with every such mistake.
    """
    found = [*_missing(driver), *_wrong_parameters(driver), *check_subset(driver, CALLBACKS)]
    if found:
        raise ModelError(found)


def _missing(driver: type[Driver]) -> list[Diagnostic]:
    found = []
    place = _class_place(driver)
    if driver.device_fault is Driver.device_fault:
        found.append(
            Diagnostic(
                place,
                f"driver `{driver.__name__}` has no `device_fault`",
                "write `def device_fault(self, page, write):`, called when the device faults",
            )
        )
    if not callbacks_of(driver):
        found.append(
            Diagnostic(
                place,
                f"driver `{driver.__name__}` has no notifier callback",
                _near_miss(driver) or f"implement one of {', '.join(NOTIFIER_CALLBACKS)}",
            )
        )
    return found


def _near_miss(driver: type[Driver]) -> str:
    for name in vars(driver):
        near = get_close_matches(name, NOTIFIER_CALLBACKS, 1)
        if near and name != near[0]:
            return f"`{name}` is not a callback; did you mean `{near[0]}`?"
    return ""


def _wrong_parameters(driver: type[Driver]) -> list[Diagnostic]:
    found = []
    for name, wanted in CALLBACKS.items():
        function = getattr(driver, name, None)
        if not isinstance(function, FunctionType):
            continue
        code = function.__code__
        given = code.co_varnames[: code.co_argcount]
        if len(given) != len(wanted) or code.co_flags & 0x0C:
            found.append(
                Diagnostic(
                    place_of(function),
                    f"`{name}` takes {_listed(given)}, but is called with {_listed(wanted)}",
                    f"write `def {name}({', '.join(wanted)}):`",
                )
            )
    return found


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"


def _class_place(driver: type[Driver]) -> Where:
    try:
        lines, start = inspect.getsourcelines(driver)
        file = inspect.getsourcefile(driver) or ""
    except (OSError, TypeError):
        return Where(driver.__module__, 1, 0, 1, 0, "", "")
    text = next((line for line in lines if line.lstrip().startswith("class ")), lines[0]).rstrip()
    line = start + next((n for n, row in enumerate(lines) if row.rstrip() == text), 0)
    return Where(shown_path(file), line, 0, line, len(text), "", text)
