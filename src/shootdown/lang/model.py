"""A protocol by itself: a class whose threads are methods, without Linux and without a device.

    class Peterson(Model):
        def __init__(self):
            self.wants = Array(Flag, 2)
            self.turn = Int(0, 1)

        @thread(2)                      # process0 and process1; `me` is 0 and 1
        def process(self, me):
            self.wants[me] = True
            ...

`@thread` only marks a method; who runs is decided when a model is checked. A subclass that
overrides a thread overrides what it does, not that it runs: a thread that silently disappeared with
its decorator would make a broken twin hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from shootdown.lang.declaration import ACTORS, Declaration
from shootdown.lang.part import Part
from shootdown.lang.source import is_shipped

MOST_THREADS = 64
"""far more than a search can exhaust, and few enough to be compiled in seconds"""

F = TypeVar("F", bound=Callable[..., Any])


class Model(Part):
    """Base class of protocols. Its state goes by the names of its attributes alone: `turn`."""

    @property
    def name(self) -> str:
        """Nothing: a model is all there is, so reports need not say whose state they mean."""
        return ""

    def _adopt(self, name: str, value: Any) -> None:
        """Refuse arrays whose length only Linux knows, in parts of the model too."""
        _refuse_shapes(value)
        super()._adopt(name, value)


def _refuse_shapes(value: Any) -> None:
    if isinstance(value, Declaration) and isinstance(value.shape, str):
        what, more = value.shape, ""
        if what == ACTORS:
            what, more = "CPUs", ", with one `me` each"
        raise TypeError(f"a model has no {what}: use Array(element, length){more}")
    if isinstance(value, Part) and not is_shipped(type(value)):
        for held in vars(value).values():
            _refuse_shapes(held)
    if isinstance(value, list | tuple):
        for member in value:
            _refuse_shapes(member)


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads run a method. `count` is None for one that is not numbered."""

    count: int | None = None
    daemon: bool = False

    def names(self, method: str) -> tuple[str, ...]:
        """`process0`, `process1`; or `writer` for a method with one thread."""
        if self.count is None:
            return (method,)
        return tuple(f"{method}{number}" for number in range(self.count))


@overload
def thread(count: F) -> F: ...
@overload
def thread(count: int | None = None, *, daemon: bool = False) -> Callable[[F], F]: ...
def thread(count: Any = None, *, daemon: bool = False) -> Any:
    """The method is run by a thread, once: `@thread`.

    With `@thread(3)` three threads run it, and it takes their number: `def reader(self, me)`.
    A thread with `daemon=True` may stay in a `wait_until` for ever, as a server without requests
    does; for any other thread that is a deadlock. Waiting for ever for a lock is one for both.
    """
    if callable(count):
        return _mark(count, Threads())
    if count is not None and (type(count) is not int or not 1 <= count <= MOST_THREADS):
        raise ValueError(f"@thread({count!r}): the number of threads is 1 to {MOST_THREADS}")
    return lambda method: _mark(method, Threads(count, daemon))


def _mark(method: F, threads: Threads) -> F:
    cast(Any, method).__threads__ = threads
    return method


def threads_of(model: type[Model]) -> dict[str, Threads]:
    """The methods that threads run, in the order of their definition, base classes first."""
    found: dict[str, Threads] = {}
    for cls in reversed(model.__mro__):
        for name, member in vars(cls).items():
            threads = getattr(member, "__threads__", None)
            if isinstance(threads, Threads):
                found[name] = threads
    return found
