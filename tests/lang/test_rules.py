"""Rules and Ghost state: they judge, cost nothing and change nothing."""

from __future__ import annotations

from .meaning import alone, broken
from .models import check, load, program_of


def test_int_leaves_its_range() -> None:
    """An Int that leaves its bounds breaks the rule `range`."""
    verdict, rule, _ = broken("def run(self):\n    while True:\n        self.n += 1")
    assert (verdict, rule) == ("violated", "range")


def test_counter_wraps() -> None:
    """A counter that would wrap in the width chosen asks for a wider one."""
    methods = "def run(self):\n    for i in range(8):\n        self.seq += 1"
    assert broken(methods)[:2] == ("widen", "counter-width")
    assert broken(methods, bits=4)[0] == "holds"


def test_counter_goes_below_zero() -> None:
    """A counter below zero is a mistake of the model at any width."""
    assert broken("def run(self):\n    self.seq -= 1")[:2] == ("violated", "counter-underflow")


def test_index() -> None:
    """An index outside an array breaks the rule `index`."""
    assert broken("def run(self):\n    self.table[choose(3)] = EMPTY")[:2] == ("violated", "index")


def test_assertion() -> None:
    """assert breaks the rule `assertion`; its message is the sentence."""
    found = broken('def run(self):\n    assert self.n == 1, "n is one"')
    assert found == ("violated", "assertion", "n is one")
    assert broken("def run(self):\n    assert self.n == 0 and not self.flag")[0] == "holds"
    assert broken("def run(self):\n    x = EMPTY\n    assert x")[:2] == ("violated", "assertion")


def test_unreachable() -> None:
    """Reaching unreachable() breaks `assertion`, and only ends the branch it is in."""
    methods = "def run(self):\n    if self.n:\n        unreachable()\n    self.m = 1"
    assert broken(methods)[0] == "holds"
    assert alone(methods)["model.m"] == 1
    assert broken("def run(self):\n    self.n or unreachable()\n    self.m = 1")[0] == "violated"


def test_require() -> None:
    """require names its rule, and every check counts as an exercise."""
    found = load("""
        class Even:
            name, sentence, verdict = "even", "n is even", "violated"

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.seen = Ghost(Int(0, 7))

            def run(self):
                while self.n < 6:
                    self.n += 1
                    require(self.n % 2 == 0 or self.seen < 9, EVEN)
                require(self.n % 2, EVEN)

        EVEN = Even()
    """)
    program = program_of(found["Model"]().run)
    result = check(program)
    assert (result.verdict, result.rule) == ("violated", "even")
    assert dict(zip([r.name for r in program.rules], result.exercised, strict=True))["even"] == 7


def test_a_local_number_that_grows() -> None:
    """A local counter of a `while` gets the room it needs, and a bound if it never stops."""
    methods = """
    def run(self):
        count_up = 0
        while count_up < 100:
            count_up += 1
        self.n = count_up // 25
    """
    assert alone(methods)["model.n"] == 4
    endless = "def run(self):\n    k = 0\n    while not self.flag:\n        k += 1"
    assert broken(endless)[:2] == ("violated", "range")
