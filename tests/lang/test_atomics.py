"""Atomic operations by the kernel's names: what they leave, and that each is one step."""

from __future__ import annotations

from textwrap import indent

import pytest

from .meaning import broken, ends, together
from .models import counts, final_states

ATOMIC: dict[str, tuple[str, set[tuple[int, int, int]]]] = {
    "inc": ("atomic_inc(self.n)", {(2, 0, 0)}),
    "dec": ("atomic_add(3, self.n)\natomic_dec(self.n)", {(4, 0, 0)}),
    "dec and test": (
        "atomic_inc(self.n)\nif atomic_dec_and_test(self.n):\n    atomic_inc(self.m)",
        {(0, 1, 0), (0, 2, 0)},
    ),
    "inc not zero": (
        "if atomic_inc_not_zero(self.n):\n    atomic_inc(self.m)\nelse:\n    self.n = 5",
        {(6, 1, 0), (5, 0, 0)},
    ),
    "sub": ("atomic_add(3, self.n)\natomic_sub(2, self.n)", {(2, 0, 0)}),
    "add return": ("atomic_add(atomic_add_return(2, self.n), self.m)", {(4, 6, 0)}),
    "inc return": ("atomic_add(atomic_inc_return(self.n), self.m)", {(2, 3, 0)}),
    "dec return": (
        "atomic_add(2, self.n)\natomic_add(atomic_dec_return(self.n), self.m)",
        {(2, 3, 0), (2, 5, 0)},
    ),
    "inc return of a counter": ("atomic_add(atomic_inc_return(self.seq), self.m)", {(0, 3, 0)}),
    "fetch add": ("atomic_add(atomic_fetch_add(2, self.n), self.m)", {(4, 2, 0)}),
    "add unless": (
        "if atomic_add_unless(self.n, 3, 3):\n    atomic_inc(self.m)",
        {(3, 1, 0)},
    ),
    "bits": (
        "set_bit(2, self.n)\nif test_bit(2, self.n):\n    set_bit(0, self.flag)\n"
        "clear_bit(2, self.n)",
        {(0, 0, 1)},
    ),
    "xchg": ("atomic_add(xchg(self.n, 1), self.m)", {(1, 1, 0)}),
    "cmpxchg": (
        "old = cmpxchg(self.n, 0, 3)\natomic_add(old, self.m)",
        {(3, 3, 0)},
    ),
    "cmpxchg of members": (
        "if cmpxchg(self.phase, Phase.IDLE, Phase.BUSY) is Phase.IDLE:\n    atomic_inc(self.m)",
        {(0, 1, 0)},
    ),
    "test and set": (
        "if test_and_set_bit(2, self.n):\n    atomic_inc(self.m)",
        {(4, 1, 0)},
    ),
    "test and clear": (
        "self.n = 7\nif test_and_clear_bit(1, self.n):\n    atomic_inc(self.m)",
        {(5, 1, 0), (5, 2, 0)},
    ),
    "a flag": (
        "if not test_and_set_bit(0, self.flag):\n    atomic_inc(self.m)",
        {(0, 1, 1)},
    ),
    "an entry": (
        "if not cmpxchg(self.table[1], EMPTY, Pte(2, READ_ONLY)).present:\n    atomic_inc(self.m)",
        {(0, 1, 0)},
    ),
}


@pytest.mark.parametrize("name", ATOMIC)
def test_atomic(name: str) -> None:
    """What two actors leave in `n`, `m` and `flag` when each does this once."""
    body, values = ATOMIC[name]
    program = together("def run(self):\n" + indent(body, "    "), "run", "run")
    found = final_states(program)
    names = ("model.n", "model.m", "model.flag")
    assert {tuple(state.get(n, 0) for n in names) for state in found} == values


def test_an_atomic_operation_is_one_step() -> None:
    """As many steps as operations; under a lock of its state it is none."""
    program = together("def run(self):\n    atomic_inc(self.n)", "run", "run")
    assert counts(program) == ("holds", 4, 4)
    methods = "def run(self):\n    with self.lock:\n        atomic_inc(self.n)\n        self.m += 1"
    assert counts(together(methods, "run", "run")) == ("holds", 4, 4)


def test_values_of_an_atomic_operation_are_read_before() -> None:
    """`atomic_add(self.m, self.n)` reads `m` in a step of its own, and never loses an update."""
    methods = """
    def run(self):
        atomic_add(self.m, self.n)

    def other(self):
        self.m = 1
        atomic_inc(self.n)
    """
    program = together(methods, "run", "other")
    assert ends(program, "n") == {(1,), (2,)}
    assert counts(program) == ("holds", 13, 16)


def test_atomic_operations_keep_the_rules_of_their_state() -> None:
    """Leaving the range of an Int and counting below zero break the same rules as assignments."""
    assert broken("def run(self):\n    atomic_add(8, self.n)")[:2] == ("violated", "range")
    assert broken("def run(self):\n    atomic_dec(self.seq)")[:2] == (
        "violated",
        "counter-underflow",
    )
    assert broken("def run(self):\n    test_and_set_bit(choose(4), self.n)")[1] == "range"
