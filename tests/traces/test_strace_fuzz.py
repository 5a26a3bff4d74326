"""Arbitrary input never does worse than being refused, and what is rendered is read back."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from shootdown.traces import TraceError, import_strace
from shootdown.traces.strace_calls import DECODERS, Draft
from shootdown.traces.strace_text import StraceText

SAMPLES = b"".join(
    path.read_bytes() for path in sorted((Path(__file__).parent / "data").glob("*.strace"))
).splitlines(keepends=True)

addresses = some.integers(0, 2**63 - 1)
lengths = some.integers(0, 2**64 - 1)
words = some.sampled_from(
    [b"1 ", b"2 ", b"[pid 3] ", b"1795172022.5 ", b"0.1 ", b"11:22:33 ", b"(", b")", b" = 0\n",
     b" = 1\n", b" = 0x1000\n", b" = -1 ENOMEM (x)\n", b" <unfinished ...>\n", b"<... ", b"|",
     b" resumed>", b"NULL, ", b"0x1000, ", b"{", b"}", b"[", b"]", b'"', b"\\", b"/*", b"*/", b"<",
     b">", b"+++ exited with 0 +++\n", b"+++ superseded by execve in pid 2 +++\n", b"\n", b"\0",
     b"strace: Process 2 attached\n", b"flags=", b"0", b"99999999999999999999, ", b"_1, ", b"<... ",
     b"CLONE_VM"]
    + [name.encode() + b"(" for name in DECODERS]
)  # fmt: skip


def read(text: bytes) -> list[Draft]:
    return list(StraceText("text").read(io.BytesIO(text).read))


def importing_never_does_worse_than_refusing(text: bytes, output: Path) -> None:
    try:
        summary = import_strace(io.BytesIO(text), output)
    except TraceError:
        assert not output.exists()
    else:
        assert summary.skipped <= text.count(b"\n") + 1
        output.unlink()
    assert list(output.parent.iterdir()) == []


@settings(deadline=None, max_examples=100)
@given(text=some.binary(max_size=300))
def test_any_bytes(text: bytes) -> None:
    """Whatever the bytes are, they are read or refused."""
    _check_read_or_refused(text)


@settings(deadline=None, max_examples=100)
@given(text=some.lists(words, max_size=80).map(b"".join))
def test_any_words_of_strace(text: bytes) -> None:
    """Pieces of strace's language in any order are read or refused."""
    _check_read_or_refused(text)


@settings(deadline=None, max_examples=100)
@given(
    lines=some.lists(some.sampled_from(SAMPLES), min_size=1, max_size=40),
    cut=some.lists(some.tuples(some.integers(0, 3000), some.integers(0, 12)), max_size=5),
)
def test_damaged_samples(lines: list[bytes], cut: list[tuple[int, int]]) -> None:
    """Real lines, shuffled and with pieces cut out, are read or refused."""
    text = b"".join(lines)
    for start, length in cut:
        text = text[:start] + text[start + length :]
    _check_read_or_refused(text)


def _check_read_or_refused(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        importing_never_does_worse_than_refusing(text, Path(folder) / "trace")


@given(
    hint=addresses,
    length=lengths,
    kind=some.sampled_from(["MAP_SHARED", "0x1"]),
    result=addresses,
    fd=some.integers(-1, 9),
    offset=lengths,
    tid=some.integers(1, 2**22),
)
@settings(deadline=None)
def test_mmap_round_trip(
    *, hint: int, length: int, kind: str, result: int, fd: int, offset: int, tid: int
) -> None:
    """A call written as strace would is read back as it was meant."""
    text = f"{tid} mmap({hint:#x}, {length}, PROT_READ, {kind}, {fd}, {offset:#x}) = {result:#x}\n"
    assert read(text.encode()) == [
        Draft(1, tid, tid, "mmap", result, length, None, None, 1, 1, None, fd, offset, None, result)
    ]  # fmt: skip


@given(
    name=some.sampled_from(["munmap", "mlock", "munlock"]),
    address=lengths,
    length=lengths,
    error=some.sampled_from([None, "EINVAL"]),
    half=some.booleans(),
)
@settings(deadline=None)
def test_range_round_trip(
    name: str, address: int, length: int, error: str | None, half: bool
) -> None:
    """So is a range, whole or in two halves, successful or not."""
    middle = f" <unfinished ...>\n2 getpid() = 2\n1 <... {name} resumed>" if half else ""
    end = f"-1 {error} (Message)" if error else "0"
    [row] = read(f"1 {name}({address:#x}, {length}{middle}) = {end}\n".encode())
    result = -1 if error else 0
    assert (row.call, row.address, row.length, row.result, row.error) == (
        name, address, length, result, error,
    )  # fmt: skip
