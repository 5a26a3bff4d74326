"""`shootdown record` and `shootdown import`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
DATA = Path(__file__).parents[1] / "traces" / "data"


def can_trace() -> bool:
    """strace is there and may trace."""
    path = shutil.which("strace")
    return (
        path is not None
        and subprocess.run(
            [path, "-o", os.devnull, "true"], capture_output=True, check=False
        ).returncode
        == 0
    )


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is missing or may not trace")


def test_import_counts_calls(run) -> None:
    """Most frequent first; the same in JSON; the trace is there."""
    done = run("import", str(DATA / "fork.strace"), "-o", "t.parquet", "--json", "t.json")
    assert done.exit_code == 0
    assert done.output.startswith("t.parquet: 41 calls by 2 processes\n  24  mmap\n")
    summary = json.loads(Path("t.json").read_text())
    assert summary["format"] == "shootdown.trace/1"
    assert (summary["calls"], summary["processes"], summary["skipped"]) == (41, 2, 0)
    assert {"faults", "accesses"} <= summary.keys()
    assert sorted(os.listdir()) == ["t.json", "t.parquet"]


def test_import_shows_what_it_skipped(run, tmp_path: Path) -> None:
    """The line and what was expected; the good lines are kept."""
    text = (DATA / "fork.strace").read_text()
    (tmp_path / "bad.strace").write_text(text + "what is this\n")
    done = run("import", "bad.strace", "-o", "t.parquet", "--json", "-")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["skipped"] == 1
    number = len(text.splitlines()) + 1
    assert f"1 line skipped:\n  bad.strace:{number}: expected" in done.stderr


def test_import_of_nothing_leaves_nothing(run, tmp_path: Path) -> None:
    """Not one good line: exit 2, neither trace nor JSON."""
    (tmp_path / "text").write_text("hello\n")
    done = run("import", "text", "-o", "t.parquet", "--json", "t.json")
    assert done.exit_code == 2
    assert "text:1: error: not a trace by strace" in done.stderr
    assert os.listdir() == ["text"]


@needs_strace
def test_record_passes_output_through(tmp_path: Path) -> None:
    """The command has standard output, the summary standard error; its status is told."""
    main = [sys.executable, "-c", "from shootdown.cli.main import main; main()"]
    command = ["sh", "-c", "echo hello; exit 3"]
    done = subprocess.run(
        [*main, "record", "-o", "t.parquet", "--json", "t.json", "--", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == "hello\n"
    assert done.stderr.startswith("t.parquet: ")
    assert "the command ended with status 3" in done.stderr
    assert json.loads((tmp_path / "t.json").read_text())["exit_status"] == 3
