"""The examples of `docs/live.md` and `docs/programs.md` run and print what is said."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from shootdown.live.observe import Observer

from .test_observe import observer  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]


def examples(name: str) -> list[str]:
    """The Python of a document."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(code: str) -> str:
    """What it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_notifications(observer: Observer) -> None:  # noqa: F811 - the fixture
    """Three ranges, as the document shows them."""
    printed = run(examples("live.md")[0])
    if platform.release().startswith("6.18."):
        shown = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
        assert len(printed.splitlines()) == 3
        assert "".join(f"    {line}\n" for line in printed.splitlines()) in shown


def test_guest(observer: Observer) -> None:  # noqa: F811 - the fixture
    """It asserts for itself."""
    run(examples("live.md")[1])


def test_random_programs(observer: Observer) -> None:  # noqa: F811 - the fixture
    """Twenty of them, counted."""
    assert "'mremap': " in run(examples("programs.md")[1])
