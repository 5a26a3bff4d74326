"""Random protocols without locks: SPIN finds a non-progress cycle exactly where we find a loop."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from textwrap import indent

import pytest

import shootdown

STATEMENTS = {
    "self.a = True": "a = 1",
    "self.a = False": "a = 0",
    "self.b = True": "b = 1",
    "self.b = False": "b = 0",
    "wait_until(self.a)": "a",
    "wait_until(not self.b)": "!b",
    "if self.a:\n    break": "if :: a -> break :: else fi",
    "if self.b:\n    continue": "if :: b -> goto again :: else fi",
    "self.c = True\nprogress()": "progress{}: c = 1",
}
"""the same in both languages: one step each"""

HEAD = """from shootdown import Flag, Model, progress, thread, wait_until

class M(Model):
    def __init__(self):
        self.a, self.b, self.c = Flag(), Flag(), Flag()
"""

pytestmark = pytest.mark.skipif(
    not (shutil.which("spin") and shutil.which("gcc")), reason="needs spin and gcc (make tools)"
)


def protocol(seed: int) -> list[list[str]]:
    """Two or three threads that go round a few statements for ever."""
    pick = random.Random(seed)
    return [
        [pick.choice(list(STATEMENTS)) for _ in range(pick.randint(1, 4))]
        for _ in range(pick.choice([2, 2, 3]))
    ]


def model(threads: list[list[str]]) -> str:
    """In our language."""
    methods = [
        f"\n    @thread\n    def t{number}(self):\n        while True:\n"
        + indent("\n".join(body), " " * 12)
        for number, body in enumerate(threads)
    ]
    return HEAD + "\n".join(methods) + "\n"


def promela(threads: list[list[str]]) -> str:
    """In SPIN's."""
    text = "bool a, b, c;\n"
    for number, body in enumerate(threads):
        steps = "; ".join(STATEMENTS[line].format(at) for at, line in enumerate(body))
        text += f"active proctype t{number}() {{\nagain: do :: {steps} od }}\n"
    return text


def has_cycle(folder: Path, text: str) -> bool:
    """Whether SPIN finds a non-progress cycle under weak fairness."""
    (folder / "model.pml").write_text(text, encoding="utf-8")
    for command in ("spin -a model.pml", "gcc -O0 -w -DNP -DNFAIR=5 -DNOREDUCE -o pan pan.c"):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    words = ["./pan", "-l", "-f", "-m100000"]
    said = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
    assert "errors: " in said
    return "pan:1: non-progress cycle" in said


@pytest.mark.parametrize("seed", range(12))
def test_spin_agrees(seed: int, tmp_path: Path) -> None:
    """A protocol that deadlocks has no loops to look for."""
    threads = protocol(seed)
    (tmp_path / "model.py").write_text(model(threads), encoding="utf-8")
    (found,) = shootdown.check(f"{tmp_path}/model.py:M", liveness=True, merge=False).scenarios
    if found.rule == "deadlock":
        pytest.skip("this one deadlocks")
    assert (found.rule == "no-progress") == has_cycle(tmp_path, promela(threads))
