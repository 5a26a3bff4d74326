"""The live line: what a search will take, then where it stands; only on a terminal."""

from __future__ import annotations

import sys

import pytest

from shootdown.cli.progress import LiveLine, describe
from shootdown.machine.result import Progress

AHEAD = Progress(
    3, 3, 0, 0.0, memory=400_000, memory_limit=12 << 30, state_bytes=9, most_states=850_000_000
)
LATER = Progress(
    1_200_000, 340_000, 31, 2.0, memory=25 << 20, rate=2.1e6, memory_limit=12 << 30, state_bytes=9
)


def test_what_it_says() -> None:
    """Bytes a state and how many fit, in advance; rate, queue, depth and memory meanwhile."""
    assert describe("fork", AHEAD) == (
        "fork: 9 bytes a state, 12.0 GiB allow 850.0 million of them"
    )
    assert describe("fork", LATER) == (
        "fork: 1,200,000 states, 340,000 in the queue, depth 31, 2.10 M states/s, "
        "25.0 MiB of 12.0 GiB"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_where_it_says_it(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is told in advance stays once a search turns out to be long; nothing without a
    terminal, nothing for searches that are soon over."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    line = LiveLine()
    line.show("short", AHEAD)
    line.show("long", AHEAD)
    line.show("long", LATER)
    line.show("long", LATER)
    line.clear()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("long: 9 bytes a state, 12.0 GiB allow 850.0 million of them") == terminal
    assert "short" not in err
    assert (err != "") == terminal
