"""Values made of parts, comprehensions, builtins, functions made in __init__: as in Python."""

from __future__ import annotations

from textwrap import indent

import pytest

from shootdown.lang.geometry import Geometry

from .models import counts, load, program_of, run_alone

HEAD = """
FACTOR = 3
POINT = Point(2, 1)

def adder(n):
    def add(x):
        return x + n
    return add

@dataclass(frozen=True)
class FirstCounts:
    x: int
    y: int
    def __eq__(self, other):
        return self.x == other.x

@dataclass(frozen=True)
class Partly:
    x: int
    note: int = field(default=0, compare=False)

class Model(Part):
    def __init__(self):
        self.n = Int(0, 7, 2)
        self.flag = Flag()
        self.t = PerPage(Flag)
        self.state = [Int(0, 7, 1), Int(0, 7, 2)]
        self.units = [1, 2, 3, 4]
        self.add = adder(5)
        self.double = lambda x: x * 2
        self.pair = [lambda x: x + 1, lambda x: x * FACTOR]
        self.by_key = {k: (lambda x, k=k: x + k) for k in (1, 2)}

    def run(self):
"""

TRUE = {
    "a list of what is known": "[i * i for i in self.units if i > 2] == [9, 16]",
    "a list of the run": "[i * self.n for i in self.units] == [2, 4, 6, 8]",
    "state in a list": "[n + 1 for n in self.state] == [2, 3]",
    "two loops": "[i + self.n for i in (1, 2) for j in (2, 10) if i != j] == [3, 3, 4]",
    "a list of lists": "[[i * j for j in (1, 2)] for i in (self.n, 3)] == [[2, 4], [3, 6]]",
    "two names": "[a + b for a, b in zip(self.units, [self.n, self.n])] == [3, 4]",
    "enumerate": "[i * n for i, n in enumerate(self.state)] == [0, 2]",
    "its own names": "[i for i in (1, 2)] == [1, 2] and i == 7",
    "any": "any(u == self.n for u in self.units) and not any(u == 9 for u in self.units)",
    "all": "all(u != self.n + 4 for u in self.units) and not all(self.t[p] for p in range(2))",
    "any of nothing": "not any(self.n for _ in ()) and all(self.flag for _ in ())",
    "any over a range of the run": "any(p == 1 for p in range(self.n))",
    "none over a range of the run": "not any(p == 2 for p in range(self.n))",
    "all over a range of the run": "all(p < 2 for p in range(self.n))",
    "a range of the run in another": (
        "any(p + q == self.n for p in range(self.n) for q in range(p, self.n) if p == q)"
    ),
    "any over a page range": "any(not self.t[p] for p in PageRange(0, self.n))",
    "any of a list": "any([self.flag, self.n]) and not all([self.flag, self.n])",
    "sum": "sum(i * self.n for i in self.units) == 20 and sum([self.n, 1], 4) == 7",
    "least and greatest": "min(self.n, 3) == 2 and max([self.n, 1, 7]) == 7",
    "absolute": "abs(self.n - 5) == 3 and abs(self.n) == 2",
    "order of elements": "list(reversed([self.n, 1])) == [1, 2]",
    "a slice": "self.units[1:3] == [2, 3] and [self.n, 1, 5][::-1] == [5, 1, 2]",
    "equal records": "Point(self.n, 1) == Point(2, self.n - 1)",
    "unequal records": "Point(self.n, 1) != Point(2, 1, z=self.n)",
    "a record and a tuple": "Point(self.n, 1) != (self.n, 1, 7)",
    "a record known now": "POINT == Point(self.n, 1) or POINT != Point(self.n, 1)",
    "equality of its own": "FirstCounts(self.n, 1) == FirstCounts(2, self.n)",
    "what is not compared": "Partly(self.n, 1) == Partly(2, self.n)",
    "records in a list": "Point(self.n, 1) in [Point(1, 1), Point(2, 1)]",
    "tuples in a list": "(self.n, 1) in ((1, 1), (2, 1)) and (self.n, 2) not in [(1, 2)]",
    "a tuple and a list": "(self.n, 1) != [2, 1] and self.units == [1, self.n, 3, 4]",
    "tuples of two lengths": "(self.n, 1) != (2, 1, 0) and (self.n,) < (2, 0)",
    "order of tuples": "(self.n, 3) < (2, self.n + 2) <= (2, 4) and (3, 0) > (self.n, 9)",
    "tuples in tuples": "((self.n, 1), 3) == ((2, 1), self.n + 1)",
    "a tuple on either way": "((1, self.n) if self.n == 2 else (3, 4)) == (1, 2)",
    "a record on either way": "(Point(1, self.n) if self.flag else Point(self.n, 1)).x == 2",
    "a closure": "self.add(self.n) == 7",
    "a lambda": "self.double(self.n) == 4",
    "two lambdas on a line": "self.pair[0](self.n) == 3 and self.pair[1](self.n) == 6",
    "a lambda with a default": "self.by_key[1](self.n) + self.by_key[2](self.n) == 7",
    "length of state": "len(self.t) == 2",
}


@pytest.mark.parametrize("text", TRUE.values(), ids=TRUE.keys())
def test_true(text: str) -> None:
    """Each of these is true, and found to be so without a step of its own."""
    model = load(HEAD + indent(f"i = 7\nassert {text}\n", " " * 8))["Model"]
    assert run_alone(program_of(model().run))["steps"] == 1


@pytest.mark.parametrize("text", TRUE.values(), ids=TRUE.keys())
def test_true_in_python(text: str) -> None:
    """CPython thinks so too."""
    names = load(HEAD + "        pass\n")
    plain = type("Plain", (), {})()
    for name, value in vars(names["Model"]()).items():
        setattr(plain, name, value)
    plain.n, plain.flag, plain.t, plain.state = 2, False, [False, False], [1, 2]
    assert eval(f"lambda self, i: {text}", names)(plain, 7)


def test_stops_at_the_first() -> None:
    """any() reads no further than Python would: each read is a step."""
    methods = """
        if any(self.t[p] for p in (0, 1)):
            self.n = 1

    def other(self):
        self.t[0] = True
        self.t[1] = True
"""
    instance = load(HEAD + methods)["Model"]()
    program = program_of(instance.run, instance.other, geometry=Geometry(pages=2))
    assert counts(program) == ("holds", 11, 13)


def test_names_of_a_comprehension_do_not_change_others() -> None:
    """A list stays a list although a comprehension in a loop has a name like it."""
    body = """
        u = self.units
        i = 0
        while i < 2:
            self.n = [u for u in (5, 6)][1] if i else u[3]
            i += 1
        assert self.n == 6
"""
    model = load(HEAD + body)
    assert run_alone(program_of(model["Model"]().run))["model.n"] == 6
