"""Standard streams that are closed, full, or have lost their reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "models" / "01_peterson.py"
MAIN = "from shootdown.cli.main import main; main()"


def through_shell(redirection: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, started by a shell that has redirected its streams."""
    return subprocess.run(
        ["sh", "-c", f'"$0" -c "$@" {redirection}', sys.executable, MAIN, *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream(closed: str) -> None:
    """Nothing is said there, and the exit status is what it always is."""
    done = through_shell(closed, "check", str(EXAMPLE))
    assert done.returncode == 0
    assert not done.stderr
    assert ("holds" in done.stdout) == (">&-" not in closed.split())


@pytest.mark.parametrize("words", [["check", str(EXAMPLE)], ["--help"]])
def test_a_full_disk(words: list[str]) -> None:
    """A report that nobody can read is no success, and no bug either."""
    done = through_shell(">/dev/full", *words)
    assert done.returncode == 2
    assert "error: cannot write any more: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
