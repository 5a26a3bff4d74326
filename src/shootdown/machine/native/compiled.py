"""What the search loops are written in: the part of Python that `translate` turns into LLVM IR.

A function marked `compiled` or `inlined` is never run by Python. It may use

* whole numbers of 64 bits: `int` with a sign, `Word` without one (only `>>`, `//` and comparisons
  can tell), truth as 0 and 1; a name has one kind all over a function, and a number written out
  takes that of its neighbour;
* assignments to names, to pairs of names and to elements of `Words`, `Halves`, `Bytes`; `if`,
  `while`, `for … in range(…)`, `break`, `continue`, `return`; `min` and `max` of two;
* other such functions and the instructions in `primitives`, called with positions;
* records: a NamedTuple of numbers, whose fields are read. A record that is given its values when
  the code is made (`Shape`) is no argument at run time; its fields are constants.

Arithmetic wraps, and nothing is checked: memory is bytes at an address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

Word = int
"""a number without a sign, in annotations of compiled functions"""

F = TypeVar("F", bound=Callable[..., Any])


class Words:
    """The address of an array of 64-bit numbers with sign, whose elements compiled code names."""

    def __init__(self, address: int) -> None:
        self._address = address

    def __index__(self) -> int:
        return self._address

    def __getitem__(self, index: int) -> int:
        raise NotImplementedError

    def __setitem__(self, index: int, value: int) -> None:
        raise NotImplementedError


class Halves(Words):
    """The same with 32 bits, without sign; of what is put in, the low bits are kept."""


class Bytes(Words):
    """The same with 8 bits."""


class Shape(NamedTuple):
    """What code is made for; other states need other code."""

    words: int
    """64-bit words of a state while it is worked on"""
    size: int
    """bytes of a state that is stored: all words but the last, and of that what is ever used"""


def compiled(function: F) -> F:
    """Mark a function; LLVM decides whether calls of it stay calls."""
    function.__dict__["inlined"] = False
    return function


def inlined(function: F) -> F:
    """Mark a function that is to be part of whoever calls it."""
    function.__dict__["inlined"] = True
    return function


@dataclass(frozen=True, slots=True)
class Primitive:
    """An instruction of the machine, for compiled functions a function."""

    name: str
    write: Callable[..., str]
    """writes it, given `expressions.Expressions` and the operands; the result, or nothing"""
    kind: str = "int"
    """`int`, `Word` or `None`"""

    def __call__(self, *operands: int | Words) -> int:
        raise TypeError(f"only compiled code has {self.name}")
