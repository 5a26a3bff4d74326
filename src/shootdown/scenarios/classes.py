"""What is wrong with a class as a driver or as a model, seen from outside.

Methods that are missing or take other parameters than they are called with, and statements that are
not part of the language: all of that is known before anything is compiled, whatever a scenario
would reach.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from types import FunctionType

from shootdown.drivers.driver import CALLBACKS, NOTIFIER_CALLBACKS, USUAL_CALLBACKS, Driver
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.lang.model import Model, threads_of
from shootdown.lang.source import place_of, shown_path
from shootdown.lang.subset import check_subset
from shootdown.program.where import Where
from shootdown.scenarios.kernels import callbacks_of

Target = type[Driver] | type[Model]


def check_class(cls: Target) -> None:
    """Refuse a class that cannot be checked, whatever the options.

    Raises:
        ModelError: with every such mistake.
    """
    found = _mistakes_of_driver(cls) if issubclass(cls, Driver) else _mistakes_of_model(cls)
    if found:
        raise ModelError(found)


# --- drivers ------------------------------------------------------------------------------------


def _mistakes_of_driver(driver: type[Driver]) -> list[Diagnostic]:
    return [*_missing(driver), *_wrong_callbacks(driver), *check_subset(driver, CALLBACKS)]


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
                _near_miss(driver) or f"implement one of {', '.join(USUAL_CALLBACKS)}",
            )
        )
    return found


def _near_miss(driver: type[Driver]) -> str:
    for name in vars(driver):
        near = get_close_matches(name, NOTIFIER_CALLBACKS, 1)
        if near and name != near[0]:
            return f"`{name}` is not a callback; did you mean `{near[0]}`?"
    return ""


def _wrong_callbacks(driver: type[Driver]) -> Iterator[Diagnostic]:
    for name, wanted in CALLBACKS.items():
        function = getattr(driver, name, None)
        if isinstance(function, FunctionType):
            yield from _wrong_parameters(name, function, wanted)


# --- models -------------------------------------------------------------------------------------


def _mistakes_of_model(model: type[Model]) -> list[Diagnostic]:
    threads = threads_of(model)
    found = [] if threads else [_threadless(model)]
    names: set[str] = set()
    for method, threads_here in threads.items():
        function = getattr(model, method)
        if not isinstance(function, FunctionType):
            what = f"`{method}` is a thread, but not a plain method"
            found.append(Diagnostic(_class_place(model), what, f"write `def {method}(self):`"))
            continue
        wanted = ("self",) if threads_here.count is None else ("self", "me")
        found += _wrong_parameters(method, function, wanted)
        found += [_same_name(function, n) for n in threads_here.names(method) if n in names]
        names.update(threads_here.names(method))
    return [*found, *_needy_init(model), *check_subset(model, threads)]


def _threadless(model: type[Model]) -> Diagnostic:
    return Diagnostic(
        _class_place(model),
        f"model `{model.__name__}` has no thread",
        "write `@thread` above the method that a thread runs, `@thread(2)` for two threads",
    )


def _same_name(function: FunctionType, name: str) -> Diagnostic:
    return Diagnostic(place_of(function), f"two threads are called `{name}`", "rename the method")


def _needy_init(model: type[Model]) -> Iterator[Diagnostic]:
    function = model.__init__
    if not isinstance(function, FunctionType):
        return
    parameters = list(inspect.signature(function).parameters.values())[1:]
    needed = [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if needed:
        yield Diagnostic(
            place_of(function),
            f"`{model.__name__}` cannot be made: its __init__ needs {', '.join(needed)}",
            "give every parameter a default; a subclass can call super().__init__(…) with others",
        )


# --- both ---------------------------------------------------------------------------------------


def _wrong_parameters(
    name: str, function: FunctionType, wanted: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """The number of parameters is fixed; their names are free."""
    code = function.__code__
    given = code.co_varnames[: code.co_argcount]
    if len(given) != len(wanted) or code.co_flags & 0x0C or code.co_kwonlyargcount:
        yield Diagnostic(
            place_of(function),
            f"`{name}` takes {_listed(given)}, but is called with {_listed(wanted)}",
            f"write `def {name}({', '.join(wanted)}):`",
        )


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"


def _class_place(cls: type) -> Where:
    try:
        lines, start = inspect.getsourcelines(cls)
        file = inspect.getsourcefile(cls) or ""
    except (OSError, TypeError):
        return Where(cls.__module__, 1, 0, 1, 0, "", "")
    text = next((line for line in lines if line.lstrip().startswith("class ")), lines[0]).rstrip()
    line = start + next((n for n, row in enumerate(lines) if row.rstrip() == text), 0)
    return Where(shown_path(file), line, 0, line, len(text), "", text)
