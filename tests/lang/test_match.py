"""`match`, and members of an Enum."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from .meaning import ends, together
from .models import counts, final_states, load, program_of, run_alone

MATCHES: dict[str, tuple[str, set[tuple[int, int]]]] = {
    "numbers": (
        "self.n = choose(4)\nmatch self.n:\n    case 1:\n        self.m = 5\n"
        "    case 2 | 3:\n        self.m = 6\n    case _:\n        self.m = 7",
        {(0, 7), (1, 5), (2, 6), (3, 6)},
    ),
    "nothing fits": (
        "self.n = choose(3)\nmatch self.n:\n    case 1:\n        self.m = 5",
        {(0, 0), (1, 5), (2, 0)},
    ),
    "negative": ("match self.n - 1:\n    case -1:\n        self.m = 5", {(0, 5)}),
    "guards": (
        "self.n = choose(3)\nmatch self.n:\n    case 1 | 2 if self.n == 2:\n        self.m = 5\n"
        "    case 1:\n        self.m = 6\n    case _ if self.flag:\n        self.m = 7",
        {(0, 0), (1, 6), (2, 5)},
    ),
    "known guards": (
        "self.n = choose(2)\nmatch self.n:\n    case 1 if not self.units:\n        self.m = 5\n"
        "    case 1 if self.units:\n        self.m = 6",
        {(0, 0), (1, 6)},
    ),
    "known": (
        "match self.units[1]:\n    case 1:\n        self.missing()\n"
        "    case 2 | 3:\n        self.m = 5\n    case _:\n        self.missing()",
        {(0, 5)},
    ),
    "None": (
        "match None:\n    case True:\n        self.m = 4\n    case None:\n        self.m = 5",
        {(0, 5)},
    ),
    "flags": (
        "self.flag = choose(False, True)\nmatch self.flag:\n    case True:\n        x = 5\n"
        "    case False:\n        x = 6\nself.m = x",
        {(0, 5), (0, 6)},
    ),
    "members": (
        "self.phase = choose(Phase)\nmatch self.phase:\n    case Phase.IDLE:\n        x = 5\n"
        "    case Phase.BUSY | Phase.DONE:\n        x = 6\nself.m = x",
        {(0, 5), (0, 6)},
    ),
    "leaving": (
        "for i in range(4):\n    match i:\n        case 1:\n            continue\n"
        "        case 3:\n            return\n    self.m += 1",
        {(0, 2)},
    ),
    "read once": (
        "match self.bump():\n    case 2:\n        self.m = 6\n    case 1:\n        self.m = 5",
        {(1, 5)},
    ),
    "comparisons of members": (
        "p = self.phase\nself.phase = Phase.DONE\nself.m = (p is Phase.IDLE)"
        " + 2 * (self.phase != p) + 4 * (self.phase in (Phase.IDLE, Phase.BUSY))",
        {(0, 3)},
    ),
    "members chosen": (
        "p = choose(Phase.BUSY, Phase.DONE)\nself.m = 1 if p == Phase.DONE else 2",
        {(0, 1), (0, 2)},
    ),
    "members through calls": (
        "self.phase = self.after(self.phase)\nself.phase = self.after(self.phase)\n"
        "self.m = self.phase is Phase.DONE and self.phase is not None",
        {(0, 1)},
    ),
}


@pytest.mark.parametrize("name", MATCHES)
def test_match(name: str) -> None:
    """What `n` and `m` may be at the end."""
    body, values = MATCHES[name]
    more = """
    def bump(self):
        self.n += 1
        return self.n

    def after(self, phase):
        match phase:
            case Phase.IDLE:
                return Phase.BUSY
            case Phase.BUSY:
                return Phase.DONE
            case Phase.DONE:
                return Phase.IDLE
    """
    program = together("def run(self):\n" + indent(body, "    ") + "\n" + dedent(more), "run")
    found = final_states(program)
    assert {(state.get("model.n", 0), state["model.m"]) for state in found} == values


def test_match_reads_its_subject_once() -> None:
    """However many cases: looking at the subject is one step."""
    methods = """
    def run(self):
        match self.n:
            case 1:
                self.m = 1
            case 2 | 3:
                self.m = 2

    def other(self):
        self.n = 1
        self.n = 2
    """
    program = together(methods, "run", "other")
    assert ends(program, "m") == {(0,), (1,), (2,)}
    assert counts(program) == ("holds", 9, 8)


def test_a_machine_with_phases() -> None:
    """EnumState is state like any other, shown by the names of the members."""
    methods = """
    def run(self):
        wait_until(self.phase is Phase.BUSY)
        self.phase = Phase.DONE

    def other(self):
        self.phase = Phase.BUSY
    """
    program = together(methods, "run", "other")
    assert counts(program) == ("holds", 4, 3)
    (kind,) = [variable.kind for variable in program.variables]
    assert [kind.show(value) for value in range(3)] == ["IDLE", "BUSY", "DONE"]
    assert kind.bits == 2


def test_words_for_numbers() -> None:
    """`names` are the words for the values of an Int from its lowest on, and mean nothing else."""
    found = load("""
        class Model(Part):
            def __init__(self):
                self.mode = Int(1, 2, names=("slow", "fast"))
                self.n = Int(0, 7)

            def run(self):
                mode = self.mode
                if self.n == 0:
                    mode = 3
                self.mode = 2
                self.n = mode
    """)
    program = program_of(found["Model"]().run)
    kinds = {variable.name: variable.kind for variable in program.variables}
    assert [kinds["model.mode"].show(value) for value in (1, 2)] == ["slow", "fast"]
    (local,) = [
        r.kind for r in program.actors[0].registers if r.name == "mode" and r.kind.high == 3
    ]
    assert [local.show(value) for value in (1, 2, 3)] == ["1", "2", "3"]
    assert run_alone(program)["model.n"] == 3
