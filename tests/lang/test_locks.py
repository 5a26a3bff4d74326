"""Locks and sections that `with` enters: who gets in, and what protects what."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from .meaning import alone, ends, together
from .models import check, counts


@pytest.mark.parametrize(
    "body",
    [
        "with self.lock:\n    if self.n == 0:\n        return\n    self.m = 1",
        "for i in range(2):\n    with self.lock:\n        if self.n == 0:\n            break",
        "for i in range(2):\n    with self.lock:\n        if self.n == 0:\n            continue",
        "while True:\n    with self.lock:\n        if self.n == 0:\n            break",
        "for u in self.units:\n    with self.lock, self.sem.read():\n        break",
        "while True:\n    with self.sem.write():\n        self.sem.downgrade()\n        return",
    ],
)
def test_leaving_early_gives_locks_back(body: str) -> None:
    """return, break and continue inside `with` release what was taken inside."""
    found = alone("def run(self):\n" + indent(body, "    "))
    assert found.get("model.lock", 0) == 0
    assert found.get("model.sem", 0) == 0


FINALLY: dict[str, tuple[str, tuple[int, int]]] = {
    "the end": ("try:\n    self.n = 1\nfinally:\n    self.m += self.n", (1, 1)),
    "return": ("try:\n    self.n = 2\n    return\nfinally:\n    self.m += self.n", (2, 2)),
    "a return that may be": (
        "try:\n    if self.n == 0:\n        return\n    self.n = 5\nfinally:\n    self.m += 1",
        (0, 1),
    ),
    "break": (
        "while True:\n    try:\n        self.n += 1\n        if self.n == 3:\n            break\n"
        "    finally:\n        self.m += 1",
        (3, 3),
    ),
    "continue": (
        "for i in range(4):\n    try:\n        if i != 2:\n            continue\n"
        "        self.n = i\n    finally:\n        self.m += 1",
        (2, 4),
    ),
    "over a list": (
        "for u in self.units:\n    try:\n        if u == 2:\n            break\n"
        "    finally:\n        self.m += u",
        (0, 3),
    ),
    "one in the other": (
        "try:\n    try:\n        return\n    finally:\n        self.n = self.m + 1\n"
        "finally:\n    self.m = self.n + 1",
        (1, 2),
    ),
    "a loop of its own": (
        "try:\n    return\nfinally:\n    for i in range(5):\n        if i == 3:\n"
        "            break\n        self.m += 1",
        (0, 3),
    ),
    "names for later": (
        "while True:\n    try:\n        if self.n == 2:\n            break\n"
        "        self.n += 1\n    finally:\n        x = self.n + 1\nself.m = x",
        (2, 3),
    ),
    "what is returned is read first": (
        "self.m = self.answer()",
        (7, 3),
    ),
}


@pytest.mark.parametrize("name", FINALLY)
def test_finally(name: str) -> None:
    """A last block runs once, whichever way the first is left."""
    body, (n, m) = FINALLY[name]
    answer = """
    def answer(self):
        x = 3
        try:
            return x
        finally:
            x = 7
            self.n = x
    """
    found = alone("def run(self):\n" + indent(body, "    ") + dedent(answer))
    assert (found.get("model.n", 0), found["model.m"]) == (n, m)


def test_finally_and_locks() -> None:
    """A last block holds the locks of its place: it is left before they are given back."""
    methods = """
    def run(self):
        with self.lock:
            try:
                with self.sem.read():
                    if self.flag:
                        return
                self.m += 1
            finally:
                self.n += 1
    """
    program = together(methods, "run", "run")
    assert ends(program, "n", "m", "lock", "sem") == {(2, 2, 0, 0)}
    assert counts(program) == ("holds", 8, 8)


def test_finally_in_one_step() -> None:
    """In an indivisible method a last block belongs to the same step."""
    methods = """
    def run(self):
        self.bump()

    @indivisible
    def bump(self):
        try:
            self.n += 1
        finally:
            self.n += 1
    """
    assert counts(together(methods, "run", "run")) == ("holds", 4, 4)


def test_return_value_is_read_before_the_release() -> None:
    """`return self.n` inside `with` reads under the lock."""
    methods = """
    def run(self):
        self.m = self.get()

    def get(self):
        with self.lock:
            return self.n

    def other(self):
        with self.lock:
            self.n = 1
            self.n = 2
    """
    assert ends(together(methods, "run", "other"), "m") == {(0,), (2,)}


def test_self_deadlock() -> None:
    """Taking a mutex twice is a deadlock, found by the search."""
    program = together(
        "def run(self):\n    with self.lock:\n        with self.lock:\n            pass", "run"
    )
    result = check(program)
    assert (result.verdict, result.rule, len(result.path)) == ("violated", "deadlock", 1)


def test_rwlock() -> None:
    """A spinning lock with readers protects like a semaphore."""
    methods = """
    def run(self):
        with self.rw.read():
            if self.n == self.m:
                self.flag = True

    def other(self):
        with self.rw.write():
            self.n = 1
            self.m = 1
    """
    assert counts(together(methods, "run", "other")) == ("holds", 4, 4)


SEQUENCE = """
def run(self):
    while True:
        start = self.count.begin()
        a = self.n
        b = self.m
        if not {retry}:
            break
    assert a == b

def other(self):
    with self.lock:
        with self.count.write():
            self.n += 1
            self.m += 1

def alone(self):
    with self.count.write():
        self.n += 1
        self.m += 1
"""


def test_a_sequence_count() -> None:
    """A reader that retries sees all of a write or nothing; one that does not may see half."""
    methods = SEQUENCE.format(retry="self.count.retry(start)")
    assert counts(together(methods, "run", "other")) == ("holds", 55, 85)
    careless = check(together(SEQUENCE.format(retry="False"), "run", "other"))
    assert (careless.verdict, careless.rule) == ("violated", "assertion")


def test_writers_of_a_sequence_count() -> None:
    """Writers exclude each other by a lock; without one the rule `assertion` breaks."""
    methods = SEQUENCE.format(retry="self.count.retry(start)")
    locked = check(together(methods, "other", "other"))
    assert locked.verdict == "holds"
    racing = check(together(methods, "alone", "alone"))
    assert (racing.verdict, racing.rule) == ("violated", "assertion")


@pytest.mark.parametrize(
    "body",
    [
        "with self.count.write():\n    if self.n == 0:\n        return",
        "while True:\n    with self.count.write(), self.lock:\n        break",
        "try:\n    with self.count.write():\n        return\nfinally:\n    self.m = 1",
        "for u in self.units:\n    with self.srcu.read(), self.count.write():\n"
        "        if u == 1:\n            break",
    ],
)
def test_leaving_early_leaves_sections(body: str) -> None:
    """return, break and continue inside `with` do what its end does, once."""
    found = alone("def run(self):\n" + indent(body, "    "))
    assert found["count.sequence"] == 2
    assert found.get("srcu.readers", (0, 0)) == (0, 0)


SRCU = """
def run(self):
    with self.srcu.read():
        a = self.n
        if a == 0:
            assert self.m == 0

def other(self):
    self.n = 1
    {wait}
    self.m = 1
"""


def test_srcu() -> None:
    """synchronize waits for the readers that were there; without it they see what comes after."""
    methods = SRCU.format(wait="self.srcu.synchronize()")
    assert check(together(methods, "run", "other")).verdict == "holds"
    assert check(together(methods, "run", "run", "other")).verdict == "holds"
    assert check(together(methods, "run", "other", "other")).verdict == "holds"
    careless = check(together(SRCU.format(wait="pass"), "run", "other"))
    assert (careless.verdict, careless.rule) == ("violated", "assertion")


def test_srcu_waits_for_itself() -> None:
    """A reader that synchronizes is stuck."""
    methods = "def run(self):\n    with self.srcu.read():\n        self.srcu.synchronize()"
    result = check(together(methods, "run"))
    assert (result.verdict, result.rule) == ("violated", "deadlock")


def test_srcu_does_not_wait_for_later_readers() -> None:
    """A reader that came after synchronize began does not hold it up."""
    methods = """
    def run(self):
        self.srcu.synchronize()
        self.flag = True

    def other(self):
        wait_until(self.srcu.index == 1)
        with self.srcu.read():
            wait_until(self.flag)
    """
    assert check(together(methods, "run", "other")).verdict == "holds"
