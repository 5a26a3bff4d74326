"""What is a step, what waits, what is chosen: exact numbers of states and transitions."""

from __future__ import annotations

import pytest

from .meaning import alone, ends, together
from .models import check, counts, run_alone


def test_increment_is_two_steps() -> None:
    """`self.n += 1` outside a lock is a read and a write, so an update can be lost."""
    program = together("def run(self):\n    self.n += 1", "run", "run")
    assert ends(program, "n") == {(1,), (2,)}
    assert counts(program) == ("holds", 12, 14)


def test_increment_under_a_lock_is_one_step() -> None:
    """Under one lock it is one step with taking and giving back the lock."""
    program = together("def run(self):\n    with self.lock:\n        self.n += 1", "run", "run")
    assert ends(program, "n") == {(2,)}
    assert counts(program) == ("holds", 4, 4)


def test_lock_without_a_common_protection() -> None:
    """A lock that not everybody takes protects nothing."""
    methods = """
    def run(self):
        with self.lock:
            self.n += 1

    def other(self):
        self.n += 1
    """
    program = together(methods, "run", "other")
    assert ends(program, "n") == {(1,), (2,)}


def test_private_state_is_no_step() -> None:
    """State that only one actor touches splits nothing."""
    found = alone("def run(self):\n    self.n = 1\n    self.m = self.n + 1\n    self.n += self.m")
    assert (found["model.n"], found["steps"]) == (3, 1)


def test_constant_state_is_no_step() -> None:
    """State that nobody writes splits nothing."""
    methods = """
    def run(self):
        self.n = self.m + self.m

    def other(self):
        if self.m == 0:
            self.flag = True
    """
    assert counts(together(methods, "run", "other")) == ("holds", 4, 4)


def test_readers_and_a_writer() -> None:
    """A write-held lock for writes and a read-held one for reads protect state."""
    methods = """
    def run(self):
        with self.sem.read():
            if self.n == self.m:
                self.flag = True

    def other(self):
        with self.sem.write():
            self.n = 1
            self.m = 1
    """
    program = together(methods, "run", "other")
    assert ends(program, "flag", "n") == {(1, 1)}
    assert counts(program) == ("holds", 4, 4)


def test_read_mode_does_not_protect_a_write() -> None:
    """Holding a lock for reading, two may write at the same time."""
    methods = "def run(self):\n    with self.sem.read():\n        self.n += 1"
    assert ends(together(methods, "run", "run"), "n") == {(1,), (2,)}


def test_downgrade_lets_readers_in() -> None:
    """After a downgrade readers see the state, writers still wait."""
    methods = """
    def run(self):
        with self.sem.write():
            self.n = 1
            self.sem.downgrade()
            wait_until(self.flag)
        self.m = 1

    def other(self):
        with self.sem.read():
            self.flag = self.n == 1
    """
    program = together(methods, "run", "other")
    assert check(program).verdict == "violated"  # the reader was first: the writer waits for ever
    assert ends(program, "flag", "m") == {(1, 1)}


def test_indivisible() -> None:
    """An indivisible method is one step."""
    methods = "def run(self):\n    self.bump()\n\n@indivisible\ndef bump(self):\n    self.n += 1"
    program = together(methods, "run", "run")
    assert ends(program, "n") == {(2,)}
    assert counts(program) == ("holds", 4, 4)


def test_ghost_is_free() -> None:
    """What a rule reads and writes costs nobody a step."""
    methods = """
    def run(self):
        self.n = 1
        self.note()
        self.m = 1

    @ghost
    def note(self):
        self.seen += 1
        if self.n == 1 and self.m == 0:
            self.seen += 1
    """
    program = together(methods, "run")
    assert run_alone(program)["steps"] == 1
    assert ends(program, "seen") == {(2,)}


def test_and_or_look_as_late_as_possible() -> None:
    """Each part of a condition is a step of its own, and only made when it is needed."""
    methods = """
    def run(self):
        if self.n and self.m:
            self.flag = True

    def other(self):
        self.n = 1
        self.m = 1
        self.n = 0
        self.m = 0
    """
    program = together(methods, "run", "other")
    assert ends(program, "flag") == {(0,), (1,)}
    assert len(program.actors[0].points) == 2
    assert counts(program) == ("holds", 17, 22)


def test_a_loop_of_private_state_still_lets_others_run() -> None:
    """A loop keeps a point if nothing else in it is one."""
    program = together("def run(self):\n    while not self.flag:\n        pass", "run")
    assert len(program.actors[0].points) == 1
    assert counts(program) == ("holds", 1, 1)


def test_wait_until_is_one_step_with_going_on() -> None:
    """Looking and going on are one step; waiting for ever is a deadlock."""
    methods = """
    def run(self):
        wait_until(self.flag)
        self.n = 1

    def other(self):
        self.flag = True
    """
    assert counts(together(methods, "run", "other")) == ("holds", 3, 2)
    alone_result = check(together(methods, "run"))
    assert (alone_result.verdict, alone_result.rule) == ("violated", "deadlock")


def test_an_idle_worker_is_no_deadlock() -> None:
    """With idle=True waiting for ever is fine."""
    methods = "def run(self):\n    while True:\n        wait_until(self.flag, idle=True)"
    assert counts(together(methods, "run")) == ("holds", 1, 0)


def test_resting_helps_nobody() -> None:
    """An actor that may rest need not come to another's help: who waits for it is stuck."""
    methods = """
    def run(self):
        wait_until(self.flag)

    def device(self):
        while True:
            self.poke()

    @indivisible
    def poke(self):
        rest()
        self.flag = True
    """
    result = check(together(methods, "run", "device"))
    assert (result.verdict, result.rule, len(result.path)) == ("violated", "deadlock", 0)


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ("3", {0, 1, 2}),
        ("range(1, 3)", {1, 2}),
        ("PageRange(0, 2)", {0, 1}),
        ("False, True", {0, 1}),
        ("4, 5, 6", {4, 5, 6}),
        ("1", {0}),
    ],
)
def test_choose(options: str, values: set[int]) -> None:
    """Every choice is explored."""
    program = together(f"def run(self):\n    self.n = choose({options})", "run")
    assert ends(program, "n") == {(value,) for value in values}
    assert counts(program) == ("holds", 1 + len(values), len(values))
