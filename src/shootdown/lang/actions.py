"""What a compiled method can say besides plain Python.

None of these functions is ever executed: the compiler knows them (`intrinsics`, `atomics`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class NotCompiledError(RuntimeError):
    """A model's method was called by Python itself; only the machine runs it."""

    def __init__(self) -> None:
        super().__init__("this method belongs to a model: it is compiled, Python cannot call it")


def choose(*options: Any) -> Any:
    """Any of them, every choice explored: `choose(range)`, `choose(4)`, `choose(False, True)`."""
    raise NotCompiledError


def wait_until(condition: object, idle: bool = False) -> None:
    """Go on only when `condition` is true; looking at it is one step with going on.

    `idle=True` is for a worker that waits for work: waiting there for ever is no deadlock.
    """
    raise NotCompiledError


def rest() -> None:
    """The actor may stop here for good, although it could go on: a device between two accesses."""
    raise NotCompiledError


def require(condition: object, rule: Any) -> None:
    """The rule is broken if the condition is false. `rule` has a `name` and a `sentence`."""
    raise NotCompiledError


def count(name: str, amount: int = 1) -> None:
    """Add to an event counter of the bill. Costs nothing and changes nothing when checking."""
    raise NotCompiledError


def indivisible(method: F) -> F:
    """The method is one step: hardware (or an atomic instruction) does it without interruption."""
    cast(Any, method).__indivisible__ = True
    return method


def ghost(method: F) -> F:
    """The method belongs to a rule. What it reads costs the system no step.

    The obligation: it must not depend on state that changes in the middle of a section protected
    by a lock, because such a section may be one step (see `program.points`). It may write only
    state declared `Ghost`.
    """
    cast(Any, method).__ghost__ = True
    return method


def might_sleep() -> None:
    """might_sleep(), include/linux/kernel.h: in atomic context this breaks the rule
    `sleep-in-atomic`. Taking a Mutex or an RwSemaphore does so by itself."""
    raise NotCompiledError


def smp_processor_id() -> int:
    """The number of this CPU. Every actor runs on a CPU of its own: it is the actor's number."""
    raise NotCompiledError


def progress() -> None:
    """This step gets something done: `check --liveness` looks for runs that never do."""
    raise NotCompiledError


def unreachable() -> NoReturn:
    """For branches that the rest of the model excludes; being here breaks the rule `assertion`."""
    raise NotCompiledError


# --- atomic operations ----------------------------------------------------------------------------
# Each is one step. `state` is named, not read: `atomic_inc(self.users)`.


def READ_ONCE(state: T) -> T:  # noqa: N802 - the kernel's name
    """The value, read by a marked access: others may write it meanwhile (`check --races`)."""
    raise NotCompiledError


def WRITE_ONCE(state: T, value: T) -> None:  # noqa: N802 - the kernel's name
    """Assign, by a marked access: others may read or write it meanwhile (`check --races`)."""
    raise NotCompiledError


def atomic_inc(state: int) -> None:
    """Add 1."""
    raise NotCompiledError


def atomic_dec(state: int) -> None:
    """Take 1 away."""
    raise NotCompiledError


def atomic_add(amount: int, state: int) -> None:
    """Add a number; as in the kernel, the number comes first."""
    raise NotCompiledError


def atomic_sub(amount: int, state: int) -> None:
    """Take a number away; as in the kernel, the number comes first."""
    raise NotCompiledError


def atomic_add_return(amount: int, state: int) -> int:
    """Add a number; what it is now."""
    raise NotCompiledError


def atomic_inc_return(state: int) -> int:
    """Add 1; what it is now."""
    raise NotCompiledError


def atomic_dec_return(state: int) -> int:
    """Take 1 away; what it is now."""
    raise NotCompiledError


def atomic_fetch_add(amount: int, state: int) -> int:
    """Add a number; what was there."""
    raise NotCompiledError


def atomic_add_unless(state: int, amount: int, unless: int) -> bool:
    """Add a number unless it is `unless`; whether that was done."""
    raise NotCompiledError


def atomic_dec_and_test(state: int) -> bool:
    """Take 1 away; whether it is 0 now."""
    raise NotCompiledError


def atomic_inc_not_zero(state: int) -> bool:
    """Add 1 unless it is 0; whether that was done."""
    raise NotCompiledError


def xchg(state: T, new: T) -> T:
    """Put a value in; the one that was there."""
    raise NotCompiledError


def cmpxchg(state: T, old: T, new: T) -> T:
    """Put `new` in if `old` is there; what was there."""
    raise NotCompiledError


def set_bit(number: int, state: int) -> None:
    """Set a bit. A Flag has bit 0."""
    raise NotCompiledError


def clear_bit(number: int, state: int) -> None:
    """Clear a bit."""
    raise NotCompiledError


def test_bit(number: int, state: int) -> bool:
    """Whether a bit is set."""
    raise NotCompiledError


def test_and_set_bit(number: int, state: int) -> bool:
    """Set a bit; whether it was set before. A Flag has bit 0."""
    raise NotCompiledError


def test_and_clear_bit(number: int, state: int) -> bool:
    """Clear a bit; whether it was set before."""
    raise NotCompiledError


ATOMIC_FUNCTIONS: frozenset[object] = frozenset({
    READ_ONCE, WRITE_ONCE,
    atomic_inc, atomic_dec, atomic_add, atomic_sub, atomic_add_return, atomic_inc_return,
    atomic_dec_return, atomic_fetch_add, atomic_add_unless, atomic_dec_and_test,
    atomic_inc_not_zero, xchg, cmpxchg, set_bit, clear_bit, test_bit, test_and_set_bit,
    test_and_clear_bit,
})  # fmt: skip
