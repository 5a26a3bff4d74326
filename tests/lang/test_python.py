"""Names, calls, loops and records mean what they mean in Python."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from shootdown.lang.errors import ModelError

from .meaning import alone
from .models import load, program_of, run_alone

VALUES: dict[str, tuple[str, int]] = {
    "for over a dynamic range": ("k = 3 + self.n\nfor i in range(1, k):\n    self.m += i", 3),
    "a range that is empty": ("k = self.n\nfor i in range(2, k):\n    self.m = 7", 0),
    "nested loops": (
        "for i in range(4):\n"
        "    for j in range(4):\n"
        "        if j == i:\n            break\n"
        "        if j == 1:\n            continue\n"
        "        self.m += 1\n"
        "    if self.m > 4:\n        break",
        4,
    ),
    "a static list with break": (
        "for u in self.units:\n    if u == 4:\n        break\n    self.m += u",
        3,
    ),
    "enumerate": ("for i, u in enumerate(self.units):\n    self.m += i * u - i", 7),
    "a conditional expression": ("self.m = 1 if self.n else 2 if self.flag else 3", 3),
    "comparisons chained": ("self.m = 0 <= self.n < 1 <= 2", 1),
    "in a range of pages": (
        "p = self.n + 1\nr = PageRange(p, p + 2)\n"
        "self.m = (0 in r) + 2 * (1 in r) + 4 * (3 not in r)",
        6,
    ),
    "len of a range": ("r = PageRange(self.n, self.n + 3)\nself.m = len(r)", 3),
    "len of an empty range": ("r = PageRange(self.n + 3, self.n)\nself.m = len(r)", 0),
    "a range as a condition": ("r = PageRange(self.n, self.n)\nself.m = 1 if r else 2", 2),
    "tuple returns": ("a, b = self.pair(2)\nself.m = a * 3 + b", 7),
    "default arguments": ("self.m = self.with_defaults(1)", 3),
    "keyword arguments": ("self.m = self.with_defaults(b=1, a=3, c=0)", 4),
    "a property": ("self.n = 3\nself.m = self.double", 6),
    "entry: frame and rights": ("p = Pte(self.n + 2, READ_ONLY)\nself.m = p.frame + p.rights", 4),
    "entry: with_rights": (
        "p = Pte(self.n + 1, READ_ONLY).with_rights(READ_WRITE)\n"
        "self.m = p.writable + p.readable + p.present + p.allows(True) + p.allows(False)",
        5,
    ),
    "entry: no rights is empty": ("p = Pte(self.n + 1, self.n)\nself.m = p == EMPTY", 1),
    "entry: prot-none": (
        "p = Pte(self.n + 1, PROT_NONE)\nself.m = 4 * p.present + p.readable + p.allows(False)",
        4,
    ),
    "entry: kept in state": (
        "self.table[1] = Pte(3, READ_WRITE)\np = self.table[1]\nself.m = p.frame + p.writable",
        4,
    ),
    "a name that is a range or another": (
        "r = PageRange(0, 2)\n"
        "if not self.n:\n    r = PageRange(self.n, self.n + 5)\nself.m = len(r)",
        5,
    ),
    "annotated": ("x: int\nx = 2\ny: int = x + 1\nself.m = y", 3),
    "state is read when the loop comes to it": (
        "for f in (self.n, self.n):\n    self.m += f\n    self.n += 1",
        0,
    ),
    "bitwise": ("x = self.n + 5\nself.m = (x & 6) | (x >> 2) ^ (x << 1) & 2", 7),
}


@pytest.mark.parametrize("name", VALUES)
def test_value(name: str) -> None:
    """The value that a body leaves in `m`, with n = 0 and flag = False at the start."""
    body, value = VALUES[name]
    methods = """
    def pair(self, n):
        if self.flag:
            return n + 1, n
        return n, n - 1

    def with_defaults(self, a, b=2, *, c=0):
        return a + b + c

    @property
    def double(self):
        return 2 * self.n
    """
    found = alone("def run(self):\n" + indent(body, "    ") + "\n" + dedent(methods))
    assert found["model.m"] == value


def test_super_and_lists_of_state() -> None:
    """super() calls and properties of bases; state in lists has names and is read in turn."""
    found = load("""
        class Base(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.flags = [Int(0, 7), Int(0, 7, 2)]

            @property
            def more(self):
                return self.n + 1

            def run(self):
                self.n = 3

        class Model(Base):
            @property
            def more(self):
                return super().more + 1

            def run(self):
                super().run()
                self.n = self.more
                for flag in self.flags:
                    self.n += flag
    """)
    program = program_of(found["Model"]().run)
    assert [v.name for v in program.variables] == ["model.n", "model.flags[0]", "model.flags[1]"]
    assert run_alone(program)["model.n"] == 7


def test_state_of_nobody() -> None:
    """State in a class body would be shared by all its objects; it is refused."""
    found = load("""
        class Model(Part):
            n = Flag()

            def run(self):
                self.n = True
    """)
    with pytest.raises(ModelError, match="this state belongs to no part"):
        program_of(found["Model"]().run)


def test_records() -> None:
    """Frozen dataclasses carry values through calls and loops."""
    found = load("""
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int

            @property
            def sum(self):
                return self.x + self.y

            def moved(self, by):
                return Point(self.x + by, y=self.y)

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 31)

            def run(self):
                point = Point(1, 2)
                for i in range(3):
                    point = point.moved(i + self.n)
                self.n = point.sum
    """)
    assert run_alone(program_of(found["Model"]().run))["model.n"] == 6


NESTED: dict[str, tuple[str, int]] = {
    "defaults": ("self.m = Pair(Point(self.n, 1), Point(1, self.n)).tag", 3),
    "a default by name": ("self.m = Point(self.n, 1, z=self.n + 2).z", 2),
    "a default of the part": ("self.m = Point(self.n, 1).z", 7),
    "changed in a loop": (
        "p = Pair(Point(self.n, 1), Point(5, 2))\nfor i in range(2):\n"
        "    p = Pair(p.a.moved(1), p.b.moved(-2), p.tag)\nself.m = p.a.x + p.b.x + p.tag",
        6,
    ),
    "set in a branch": (
        "p = Pair(Point(0, 1), Point(5, 2), 1)\nif not self.flag:\n"
        "    p = Pair(Point(self.n, 1), p.a, 2)\nself.m = p.a.y + 2 * p.b.y + p.tag",
        5,
    ),
    "returned early": ("p = self.pair()\nself.m = p.a.y + p.tag", 4),
    "a tuple of records": (
        "t = (Point(1, 2), self.n)\nif not self.flag:\n    t = (Point(self.n, 4), 2)\n"
        "self.m = t[0].y + t[1]",
        6,
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_records(name: str) -> None:
    """Frozen dataclasses in frozen dataclasses change, return and have defaults like others."""
    body, value = NESTED[name]
    text = """
        @dataclass(frozen=True)
        class Point:
            x: int
            y: int
            z: int = field(default=7, kw_only=True)

            def moved(self, by):
                return Point(self.x + by, self.y)

        @dataclass(frozen=True)
        class Pair:
            a: Point
            b: Point
            tag: int = 3

        class Model(Part):
            def __init__(self):
                self.n = Int(0, 7)
                self.m = Int(0, 7)
                self.flag = Flag()

            def pair(self):
                if self.flag:
                    return Pair(Point(1, 2), Point(3, 4))
                return Pair(Point(self.n, 1), Point(3, 4))

            def run(self):
    """
    found = load(dedent(text) + indent(body, " " * 8))
    assert run_alone(program_of(found["Model"]().run))["model.m"] == value


@pytest.mark.parametrize(
    "declaration",
    [
        "Int(3, 2)",
        "Int(0, 3, 4)",
        'Int(0, 1, names=("idle",))',
        'Int(0, 1, names="on")',
        "EnumState(3)",
        "EnumState(Phase, 1)",
        "EnumState(Phase, Other.IDLE)",
        'EnumState(IntEnum("Number", ["ONE"]))',
        "EnumState(Enum)",
        "PerPage(int)",
        "PerPage(Mutex)",
        "PerPage(PerPage(Pte))",
        "Ghost(3)",
    ],
)
def test_declarations_that_make_no_sense(declaration: str) -> None:
    """They fail in __init__, in Python, where the mistake is."""
    found = load(f"class Model(Part):\n    def __init__(self):\n        self.n = {declaration}")
    with pytest.raises((TypeError, ValueError)):
        found["Model"]()
