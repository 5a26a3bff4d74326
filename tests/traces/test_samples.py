"""Texts that strace really wrote, under tests/traces/data, become the traces they should."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from shootdown.traces import Call, import_strace, load

DATA = Path(__file__).parent / "data"

LIFE = ("fork", "vfork", "clone", "clone3", "execve", "exit", "exit_group", "exit_mmap")

EXPECTED = {
    "import": (1, 47, [(9046, 9046, "execve"), (9046, 9046, "exit_group"),
                       (9046, 9046, "exit_mmap")]),
    "thread": (1, 46, [(9041, 9041, "execve"), (9041, 9041, "clone3"), (9041, 9042, "exit"),
                       (9041, 9041, "exit_group"), (9041, 9041, "exit_mmap")]),
    "fork": (2, 41, [(3136, 3136, "execve"), (3136, 3136, "clone"), (3137, 3137, "exit_group"),
                     (3137, 3137, "exit_mmap"), (3136, 3136, "exit_group"),
                     (3136, 3136, "exit_mmap")]),
    "vfork": (2, 83, [(3125, 3125, "execve"), (3125, 3125, "vfork"), (3126, 3126, "execve"),
                      (3126, 3126, "exit_group"), (3126, 3126, "exit_mmap"),
                      (3125, 3125, "exit_group"), (3125, 3125, "exit_mmap")]),
    "pipeline": (3, 52, [(3130, 3130, "execve"), (3130, 3130, "clone"), (3131, 3131, "exit_group"),
                         (3131, 3131, "exit_mmap"), (3130, 3130, "clone"), (3132, 3132, "execve"),
                         (3132, 3132, "exit_group"), (3132, 3132, "exit_mmap"),
                         (3130, 3130, "exit_group"), (3130, 3130, "exit_mmap")]),
    "bits32": (1, 6, [(0, 0, "execve"), (0, 0, "exit"), (0, 0, "exit_mmap")]),
    "terminal": (2, 19, [(0, 0, "execve"), (0, 0, "clone"), (9058, 9058, "exit_group"),
                         (9058, 9058, "exit_mmap"), (0, 0, "exit_group"), (0, 0, "exit_mmap")]),
}  # fmt: skip
"""Processes, calls, and the lives of the spaces (space, task, call)."""


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_sample(name: str, tmp_path: Path) -> None:
    """Nothing in a real trace is skipped or doubtful, and the spaces live as they did."""
    processes, calls, life = EXPECTED[name]
    output = tmp_path / "trace"
    summary = import_strace(DATA / f"{name}.strace", output)
    rows = list(load(output).calls())
    assert (summary.processes, summary.spaces, summary.calls) == (processes, processes, calls)
    assert (summary.skipped, summary.failed, summary.unfinished) == (0, 0, 0)
    assert (summary.problems, summary.warnings) == ((), {})
    assert [(row.pid, row.tid, row.call) for row in rows if row.call in LIFE] == life
    assert Counter(row.call for row in rows) == summary.by_call
    assert rows == sorted(rows, key=lambda row: row.time)


def test_python_that_maps_a_file(tmp_path: Path) -> None:
    """The rows for one file mapped, advised and unmapped, in full."""
    output = tmp_path / "trace"
    import_strace(DATA / "import.strace", output)
    rows = list(load(output).calls())
    [advised] = [row for row in rows if row.call == "madvise"]
    around = [row for row in rows if row.address == advised.address]
    day = 11 * 3600 + 13 * 60 + 34
    assert [(row.call, row.length, row.protection, row.flags, row.advice) for row in around] == [
        ("mmap", 78, 3, 1, None),
        ("madvise", 78, None, None, 4),
        ("munmap", 78, None, None, None),
    ]
    assert advised == Call(
        time=day * 10**9 + 458606000,
        pid=9046,
        tid=9046,
        call="madvise",
        address=0x7F5770723000,
        length=78,
        advice=4,
        result=0,
        duration=10000,
    )


def test_addresses_of_a_32_bit_process(tmp_path: Path) -> None:
    """A 32-bit process has 32-bit addresses and is otherwise like any other."""
    output = tmp_path / "trace"
    import_strace(DATA / "bits32.strace", output)
    ranges = [(row.call, row.address, row.length) for row in load(output).calls() if row.address]
    assert ranges == [
        ("munmap", 0xF7F88000, 8192),
        ("brk", 0x8A14000, 0),
        ("brk", 0x8A14000, 8192),
        ("mmap", 0xF7F89000, 4096),
    ]


def test_every_prefix_of_a_sample_is_read(tmp_path: Path) -> None:
    """A text cut after any byte loses at most the call it is cut in, and raises nothing else."""
    text = (DATA / "vfork.strace").read_bytes()
    cut, output = tmp_path / "cut", tmp_path / "trace"
    for length in range(len(text) - 1200, len(text), 7):
        cut.write_bytes(text[:length])
        summary = import_strace(cut, output)
        whole = text[:length].count(b"\n")
        assert summary.skipped in (0, 1)
        assert summary.calls + summary.skipped + summary.unfinished >= whole - 5
