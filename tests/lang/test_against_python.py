"""The soundness of lowering: random method bodies mean the same compiled as in CPython.

Programs are built as source text from every statement and operator of the language that has a
meaning in plain Python. Where a name may have no value the compiler has to refuse, so a program
that CPython stops with UnboundLocalError must never be accepted.
"""

from __future__ import annotations

from textwrap import indent

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from shootdown.lang.errors import ModelError

from .models import load, program_of, run_alone

LOCALS = ("x", "y", "z")
STATE = ("self.a", "self.b", "self.c")
UNCLEAR = ("has no value here", "may have no value here", "may hold different things here")


class Source:
    """Draws the text of one method body after the other."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.counters = 0
        self.names: tuple[str, ...] = LOCALS
        self.helpers: list[str] = []
        self.last = False
        """inside a `finally` block, which cannot be left"""

    def pick(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    # --- expressions --------------------------------------------------------------------------

    def atom(self) -> str:
        kind = self.number(0, 3)
        if kind == 0:
            return str(self.number(-2, 9))
        return self.pick(*self.names) if kind < 3 else self.pick(*STATE)

    def expression(self, depth: int = 2) -> str:
        if depth == 0 or self.number(0, 3) == 0:
            return self.atom()
        a, b = self.expression(depth - 1), self.expression(depth - 1)
        form = self.number(0, 16)
        if form >= 13:
            return self.of_several(form, a, b, depth - 1)
        if form <= 4:
            return f"({a} {self.pick('+', '-', '*', '&', '|', '^')} {b})"
        if form == 5:
            return f"({a} {self.pick('//', '%', '>>', '<<')} {self.number(1, 5)})"
        if form == 6:
            return f"(-{a})"
        if form == 7:
            return f"({a} if {self.condition(depth - 1)} else {b})"
        if form == 8:
            return f"({a} {self.pick('and', 'or')} {b})"
        if form == 9 and self.helpers:
            return self.call(a, b)
        return self.condition(depth - 1)

    def of_several(self, form: int, a: str, b: str, depth: int) -> str:
        """One of several values, or what a builtin makes of them."""
        n, one = self.number(0, 4), self.number(0, 1)
        if form == 13:
            calls = f"min({a}, {b})", f"max({a}, {b}, {n})", f"abs({a})", f"self.twice({b})"
            return self.pick(*calls)
        if form == 14:
            over = self.pick(f"range({n})", f"(3, {n}, 5)", "[self.a, 2]", "[1, 4][1:]")
            test = "" if "self" in over else self.pick("", f" if k != {n}")
            bare = self.pick("", "[]")
            elements = f"{b} + k for k in {over}{test}"
            return f"sum([{elements}])" if bare else f"sum({elements})"
        if form == 15:
            return self.pick(f"({a}, {b})[{one}]", f"[{a}, {b}, {n}][{one}:][1]")
        return f"(({a}, {b}) if {self.condition(depth)} else ({n}, {a}))[{one}]"

    def of_any(self, a: str, b: str) -> str:
        """Whether some are, or all."""
        over = self.pick(f"(1, {b}, 4)", f"range({a} % 4)", f"range({self.number(0, 4)})")
        test = self.pick("", f" if k != {self.atom()}", f" if k > {self.number(0, 3)}")
        element = self.pick(f"{a} == k", f"k < {b}", "k", f"{a} + k > 3 and {b}")
        return f"{self.pick('any', 'all')}({element} for k in {over}{test})"

    def call(self, a: str, b: str) -> str:
        helper = self.pick(*self.helpers)
        return f"self.{helper}(" + self.pick(f"{a}", f"{a}, {b}", f"q={b}, p={a}") + ")"

    def condition(self, depth: int = 1) -> str:
        a, b = self.expression(depth), self.expression(depth)
        form = self.number(0, 8)
        if form <= 2:
            return f"({a} {self.pick('==', '!=', '<', '<=', '>', '>=')} {b})"
        if form == 7:
            return self.of_any(a, b)
        if form == 8:
            operator = self.pick("==", "!=", "<", "<=", ">", ">=", "in")
            right = f"({b}, {self.atom()})"
            return f"(({a}, {b}) {operator} {f'[(1, 2), {right}]' if operator == 'in' else right})"
        if form == 3:
            return f"({a} {self.pick('<', '<=', '==')} {b} {self.pick('<', '!=')} {self.atom()})"
        if form == 4:
            return f"({a} {self.pick('in', 'not in')} (1, 2, {self.number(3, 9)}))"
        if form == 5:
            return f"(not {a})"
        return f"({a} in range({self.number(-1, 3)}, {b}))"

    # --- statements ---------------------------------------------------------------------------

    def block(self, depth: int, loop: bool) -> str:
        rows = [self.statement(depth, loop) for _ in range(self.number(1, 3))]
        return "\n".join(rows)

    def statement(self, depth: int, loop: bool) -> str:
        form = self.number(0, 15 if depth else 7)
        if form <= 2:
            return f"{self.pick(*self.names)} = {self.expression()} % 17"
        if form == 3:
            return f"{self.pick(*STATE)} = {self.expression()} % 16"
        if form == 4:
            return f"{self.pick(*STATE)} {self.pick('^', '&', '|')}= {self.expression()} % 16"
        if form == 5:
            return f"{self.pick(*self.names)} {self.pick('+', '-')}= {self.number(0, 2)}"
        if form == 6:
            return self.swap()
        if form == 7:
            return self.leave(loop)
        return self.compound(form, depth - 1, loop)

    def swap(self) -> str:
        targets = [self.pick(*self.names), self.pick(*self.names, *STATE)]
        values = [f"{self.expression(1)} % 15" for _ in targets]
        if self.number(0, 1) and targets[1] not in STATE:
            values = targets[::-1]
        return f"{', '.join(targets)} = {', '.join(values)}"

    def leave(self, loop: bool) -> str:
        if self.last and not loop:
            return self.swap()
        if loop and (self.last or self.number(0, 2)):
            text = self.pick("break", "continue")
        else:
            text = f"return {self.expression(1)} % 14"
        return f"if {self.condition()}:\n    {text}"

    def compound(self, form: int, depth: int, loop: bool) -> str:
        if form <= 10:
            return self.branch(depth, loop)
        if form == 15:
            return self.cases(depth, loop)
        if form == 14:
            return self.cleanup(depth, loop)
        body = indent(self.block(depth, True), "    ")
        if form == 11:
            end = self.pick(str(self.number(0, 3)), f"{self.expression(1)} % 4")
            return f"for {self.target()} in range({self.number(0, 1)}, {end}):\n{body}"
        if form == 12:
            members = ", ".join(str(self.number(0, 5)) for _ in range(self.number(1, 3)))
            return f"for {self.target()} in ({members},):\n{body}"
        self.counters += 1
        name = f"n{self.counters}"
        begin, turn = f"{name} = {self.number(0, 3)}", f"    {name} -= 1"
        return f"{begin}\nwhile {name} > 0 and {self.condition()}:\n{turn}\n{body}"

    def cases(self, depth: int, loop: bool) -> str:
        rows = [f"match {self.expression(1)}:"]
        for pattern in (f"{self.number(-1, 4)}", f"{self.number(0, 4)} | 3", "_"):
            guard = f" if {self.condition()}" if self.number(0, 2) == 0 else ""
            if pattern == "_" and self.number(0, 1):
                break
            body = indent(self.block(depth, loop), "        ")
            rows.append(f"    case {pattern}{guard}:\n{body}")
        return "\n".join(rows)

    def cleanup(self, depth: int, loop: bool) -> str:
        body = indent(self.block(depth, loop), "    ")
        before, self.last = self.last, True
        last = indent(self.block(depth, False), "    ")
        self.last = before
        return f"try:\n{body}\nfinally:\n{last}"

    def target(self) -> str:
        self.counters += 1
        return self.pick(f"i{self.counters}", f"i{self.counters}", *self.names)

    def branch(self, depth: int, loop: bool) -> str:
        text = f"if {self.condition()}:\n" + indent(self.block(depth, loop), "    ")
        if self.number(0, 1):
            text += f"\nelif {self.condition()}:\n" + indent(self.block(depth, loop), "    ")
        if self.number(0, 1):
            text += "\nelse:\n" + indent(self.block(depth, loop), "    ")
        return text

    # --- methods ------------------------------------------------------------------------------

    def helper(self, name: str) -> str:
        self.names = ("p", "q")
        head = f"def {name}(self, p, q={self.number(0, 9)}):"
        body = indent(self.block(1, False), "    ")
        text = f"{head}\n{body}\n    return {self.expression(1)} % 13"
        self.names = LOCALS
        return text

    def model(self, preset: tuple[str, ...]) -> str:
        methods = []
        for number in range(self.number(0, 2)):
            methods.append(self.helper(f"helper{number}"))
            self.helpers.append(f"helper{number}")
        rows = [f"{name} = {self.number(0, 9)}" for name in preset]
        rows += [self.statement(3, False) for _ in range(self.number(2, 5))]
        rows += [f"self.{name} = {name} % 16" for name in preset]
        body = indent("\n".join(rows), "    ")
        methods.append(f"def body(self):\n{body}\n    return {self.atom()} % 16")
        methods.append("def run(self):\n    self.d = self.body()")
        text = "class Model(Part):\n    twice = staticmethod(lambda p: p * 2)\n"
        text += "    def __init__(self):\n"
        text += "".join(f"        self.{n} = Int(0, 16, 3)\n" for n in "abcdxyz")
        return text + indent("\n\n".join(methods), "    ") + "\n"


@st.composite
def sources(draw: st.DrawFn, preset: tuple[str, ...]) -> str:
    """The text of a model whose method starts with values for these names."""
    return Source(draw).model(preset)


def in_python(model: type) -> dict[str, int]:
    """What CPython makes of the same methods."""
    plain = type("Plain", (), {k: v for k, v in vars(model).items() if k != "__init__"})()
    for name in "abcdxyz":
        setattr(plain, name, 3)
    plain.run()
    return {name: int(getattr(plain, name)) for name in "abcdxyz"}


def in_the_machine(model: type) -> dict[str, int]:
    """What the compiled program makes of them."""
    found = run_alone(program_of(model().run))
    return {name: found.get(f"model.{name}", 3) for name in "abcdxyz"}


def check_same_as_python(text: str) -> None:
    model = load(text)["Model"]
    assert in_the_machine(model) == in_python(model)


EFFORT = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes here
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@EFFORT
@given(sources(LOCALS))
def test_same_as_python(text: str) -> None:
    """With every name set at the start nothing is refused, and all values are those of CPython."""
    check_same_as_python(text)


@EFFORT
@given(sources(("x",)))
def test_same_as_python_or_refused(text: str) -> None:
    """With names that may have no value the model is refused, or means what CPython does."""
    model = load(text)["Model"]
    try:
        found = in_the_machine(model)
    except ModelError as error:
        assert all(any(u in d.message for u in UNCLEAR) for d in error.diagnostics), error
        event("refused")
        return
    event("accepted")
    assert found == in_python(model)


FOUND = {
    "swap": "x, y = 1, 2\nx, y = y, x\nself.x = x\nself.y = y",
    "parameter changed in a branch": "self.x = self.bump(5, 0)\nself.y = self.bump(5, 1)",
    "loop index kept": "for i in range(3):\n    k = i\nself.x = k\nself.y = i",
    "index kept by break": "for i in range(5):\n    if i == self.a:\n        break\nself.x = i",
    "unrolled and left": "for i in (4, 5, 6):\n    if i == self.a + 2:\n        break\nself.x = i",
    "unrolled and skipped": (
        "k = 0\nfor i in (1, 2, 3):\n    if i == self.a:\n        continue\n    k = i\nself.x = k"
    ),
    "settled": "if (self.z == 9 or 0) and 1:\n    self.x = 1\nelse:\n    self.x = 2",
    "either": "x = self.a or 7\ny = self.d and 5\nself.x = x\nself.y = y + (0 or 4)",
    "chained": "self.x = 1 if 0 < self.a < self.hit() < 2 else 0\nself.y = self.z",
    "old value first": "self.a += self.hit()\nself.x = self.z",
    "alias": "x = 1\ny = x\nt = (x, 2)\nx += 5\nself.x = y\nself.y = t[0]",
    "alias in a loop that grows": (
        "x = 0\nfor i in range(6):\n    y = x\n    x += 2\n"
        "    if x > y + 1:\n        self.y = y\nself.x = x"
    ),
    "read first": "x = 3\nwhile x > 0:\n    x -= 1\n    self.x += 1",
    "assigned by a last block": (
        "for i in range(4):\n    x = i\n    try:\n        if i == self.a - 1:\n"
        "            continue\n        x += 2\n    finally:\n        x += 4\n"
        "    self.y = (self.y + x) % 16\n"
        "self.x = x"
    ),
    "versions": "k = (6, 5) < (6, 6)\nself.x = 1 if k else 2\nself.y = 1 if (7,) <= (6, 6) else 2",
}


@pytest.mark.parametrize("body", FOUND.values(), ids=FOUND.keys())
def test_once_wrong(body: str) -> None:
    """Each of these was once compiled to something else."""
    helpers = """
    def bump(self, n, more):
        if more:
            n += 4
        while n > 7:
            n -= 1
        return n

    def hit(self):
        self.z = 9
        self.a = 6
        return 1
"""
    text = "class Model(Part):\n    def __init__(self):\n"
    text += "".join(f"        self.{n} = Int(0, 16, 3)\n" for n in "abcdxyz")
    check_same_as_python(
        text + helpers + "\n    def run(self):\n" + indent(body, "        ") + "\n"
    )
