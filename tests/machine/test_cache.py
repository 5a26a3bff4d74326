"""Where the compiled search loop is kept, and what happens where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
sys.path[:0] = {paths!r}
from machine import programs
from shootdown.machine.search import search
result = search(programs.peterson(), note=lambda text: print("note:", text))
print(result.verdict, result.states)
"""


def run(home: Path) -> list[str]:
    """What a fresh process prints that keeps its cache under `home`."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("NUMBA_CACHE_DIR", None)
    script = SCRIPT.format(paths=[path for path in sys.path if path])
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.splitlines()


def test_the_search_is_compiled_once(tmp_path: Path) -> None:
    """The first process announces the compiling, the second finds it done."""
    assert run(tmp_path) == ["note: compiling the search, once", "holds 58"]
    assert run(tmp_path) == ["holds 58"]


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    """A file where the folder should be: said once, and the answer is the same."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    first, second, last = run(blocked)
    assert first.startswith(f"note: cannot write to {blocked}")
    assert second == "note: compiling the search, once"
    assert last == "holds 58"
