"""`shootdown check --audit`: the contract is judged when asked, and a saved run remembers that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

ARGUMENTS = ("check", "kvm-no-in-progress", "--operations", "munmap")


def test_on_request(run: Callable[..., Any]) -> None:
    """Another rule is broken, earlier."""
    plain, audited = run(*ARGUMENTS), run(*ARGUMENTS, "--audit")
    assert (plain.exit_code, audited.exit_code) == (1, 1)
    assert "breaks freed-frame" in plain.stdout
    assert "breaks use-while-invalidated: no use of a mirrored page between" in audited.stdout


def test_a_correct_driver(run: Callable[..., Any]) -> None:
    """The books of KVM are in order."""
    done = run("check", "kvm", "--operations", "munmap,oom_reap_task_mm", "--audit")
    assert done.exit_code == 0, done.output


def test_a_saved_run(run: Callable[..., Any], tmp_path: Path) -> None:
    """It breaks the same rule when it is taken again, and the test written for it asks for it."""
    done = run(*ARGUMENTS, "--audit", "--save", "run.jsonl", "--write-test", "test_run.py")
    assert done.exit_code == 1, done.output
    again = run("check", "--from", "run.jsonl")
    assert again.exit_code == 1, again.output
    assert "use-while-invalidated" in again.stdout
    assert "audit=True," in (tmp_path / "test_run.py").read_text(encoding="utf-8")


def test_models_have_none(run: Callable[..., Any], tmp_path: Path) -> None:
    """There is no Linux in a model."""
    (tmp_path / "m.py").write_text(
        "from shootdown import *\n\n"
        "class M(Model):\n    @thread\n    def go(self):\n        pass\n",
        encoding="utf-8",
    )
    done = run("check", "m.py", "--audit")
    assert done.exit_code == 2
    assert "m.py:M is a model, which has no audit" in done.stderr
