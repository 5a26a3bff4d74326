"""Every program in `examples/` prints exactly what stands beside it, times left out.

After an intended change, write the files anew with

    SHOOTDOWN_REWRITE=1 .venv/bin/python -m pytest tests/examples

and read the diff.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
OPERATIONS = "read_fault,write_fault,mmap,munmap,madvise_dontneed,mprotect,fork"
"""for drivers; a report that changed with every new operation would be read by nobody"""
EXPECTED_EXIT = {"holds": 0, "violated": 1}


def run_example(path: Path) -> tuple[int, str]:
    """Exit status and report of `shootdown check`, as a reader at the root of the tree sees it."""
    option = re.search(r"With (--\w+)", path.read_text().splitlines()[0])
    command = [sys.executable, "-m", "shootdown", "check", str(path.relative_to(ROOT))]
    command += option.groups() if option else ()
    if path.parent.name == "examples":
        command += ["--operations", OPERATIONS]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, without_times(done.stdout)


def without_times(report: str) -> str:
    """The column of seconds is the only thing that differs from run to run."""
    return re.sub(r"(?m)(\d +)\d+\.\d\d(?=  |$)", r"\1-.--", report)


@pytest.mark.parametrize(
    "path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT / "examples").with_suffix(""))
)
def test_example(path: Path) -> None:
    """The verdict is the one announced in the first line, and the report is the stored one."""
    status, report = run_example(path)
    stored = path.with_suffix(".out")
    if os.environ.get("SHOOTDOWN_REWRITE"):
        stored.write_text(report)
    announced = path.read_text().splitlines()[0].rstrip('."').rsplit(" ", 1)[-1]
    assert status == EXPECTED_EXIT[announced]
    assert report == stored.read_text()
