"""Loops of random protocols do not depend on how fine the steps are."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shootdown

HEAD = """from shootdown import Flag, Int, Model, Mutex, RwSemaphore
from shootdown import progress, thread, wait_until, xchg

class M(Model):
    def __init__(self):
        self.mutex = Mutex()
        self.sem = RwSemaphore()
        self.a, self.b = Flag(), Flag()
        self.n, self.guarded = Int(0, 1), Int(0, 1)
"""

FLAT = (
    "self.a = True",
    "self.a = False",
    "self.b = True",
    "xchg(self.b, False)",
    "self.n = 1 - self.n",
    "progress()",
    "if self.a:\n    break",
    "if self.b:\n    continue",
)
GUARDED = ("self.guarded = 1 - self.guarded", "if self.guarded:\n    progress()")
WAITS = ("wait_until(self.a)", "wait_until(not self.b)")
LOCKS = ("with self.mutex:", "with self.sem.read():", "with self.sem.write():")

flat = st.sampled_from(FLAT)
locked = st.builds(
    lambda lock, body: "\n".join([lock, *(indent(line, "    ") for line in body)]),
    st.sampled_from(LOCKS),
    st.lists(st.one_of(flat, st.sampled_from(GUARDED)), min_size=1, max_size=2),
)
statement = st.one_of(flat, locked, locked, st.sampled_from(WAITS))
thread = st.lists(statement, min_size=1, max_size=3)
_numbers = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models have to stand in files."""
    return tmp_path_factory.mktemp("loops")


def source(threads: list[list[str]]) -> str:
    """Each thread goes round its statements for ever, unless one of them breaks out."""
    methods = [
        f"\n@thread\ndef thread{number}(self):\n    while True:\n"
        + indent("\n".join(body), " " * 8)
        for number, body in enumerate(threads)
    ]
    return HEAD + indent("\n".join(methods), "    ") + "\n"


def ask(path: Path, merge: bool) -> list[tuple[str, str | None]]:
    """Verdict and rule when somebody, and when everybody, is to get something done."""
    options = {"states": 20_000, "merge": merge}
    found = [
        shootdown.check(f"{path}:M", liveness=True, **options),
        shootdown.check(f"{path}:M", starvation=True, **options),
    ]
    return [(check.verdict, check.scenarios[0].rule) for check in found]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(threads=st.lists(thread, min_size=2, max_size=3))
def test_merging_does_not_matter(folder: Path, threads: list[list[str]]) -> None:
    """Merged accesses hide no loop and make none."""
    path = folder / f"model{next(_numbers)}.py"
    path.write_text(source(threads), encoding="utf-8")
    assert ask(path, merge=True) == ask(path, merge=False)
