"""`shootdown check --races`: exit status, report, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

MODEL = """from shootdown import *

class Lost(Model):
    def __init__(self):
        self.n = Int(0, 4)

    @thread(2)
    def adder(self, me):
        self.n += 1
"""


def test_on_request(run: Callable[..., object], tmp_path: Path) -> None:
    """Exit status 1 with the option, 0 without; the report names both places."""
    (tmp_path / "lost.py").write_text(MODEL, encoding="utf-8")
    assert run("check", "lost.py").exit_code == 0
    asked = run("check", "lost.py", "--races")
    assert asked.exit_code == 1
    assert asked.output.count("lost.py:9:9\n        self.n += 1") == 2


def test_json(run: Callable[..., object], tmp_path: Path) -> None:
    """What `docs/races.md` promises."""
    (tmp_path / "lost.py").write_text(MODEL, encoding="utf-8")
    result = run("check", "lost.py", "--races", "--json", "races.json")
    assert result.exit_code == 1
    (scenario,) = json.loads((tmp_path / "races.json").read_bytes())["scenarios"]
    (race,) = scenario["races"]
    assert race["what"] == "n"
    assert race["first"] == {
        "actor": "adder0", "access": "writes", "marked": False, "file": "lost.py", "line": 9,
        "column": 9, "function": "Lost.adder", "text": "self.n += 1",
    }  # fmt: skip
    assert (race["second"]["actor"], race["second"]["access"]) == ("adder1", "reads")
    assert race["run"] == scenario["counterexample"]


def test_engines_and_workers(run: Callable[..., object], tmp_path: Path) -> None:
    """The same list from both engines and from several processes."""
    (tmp_path / "lost.py").write_text(MODEL, encoding="utf-8")
    found = []
    for number, extra in enumerate(([], ["--engine", "python"], ["--workers", "2"])):
        file = f"{number}.json"
        run("check", "lost.py", "--races", "--json", file, *extra)
        (scenario,) = json.loads((tmp_path / file).read_bytes())["scenarios"]
        found.append(scenario["races"])
    assert found[0] == found[1] == found[2]
