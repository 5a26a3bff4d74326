"""What a search does where memory is scarce."""

from __future__ import annotations

import subprocess
import sys

from shootdown.machine.memory import default_limit

SCRIPT = """
import resource, sys
sys.path[:0] = {paths!r}
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from machine import programs
from machine.searching import search
result = search(programs.big(3, 2, 4))
print(result.verdict, result.states)
"""


def test_few_addresses_are_enough() -> None:
    """A process that may not reserve much reserves less, and still searches."""
    script = SCRIPT.format(paths=[path for path in sys.path if path])
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["holds", "257096"]


def test_the_default_leaves_room() -> None:
    """Nobody said how much: some, and less than all there is."""
    assert 0 < default_limit() < 1 << 50
