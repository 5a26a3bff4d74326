"""Tracepoints: formats read, values decoded, and what is said where there are none."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from shootdown.live.errors import MissingMeansError
from shootdown.live.tracefs import find_tracefs, open_tracefs
from shootdown.live.tracepoints import Field, find_tracepoint, parse_format

from .unprivileged import run_as_nobody

FORMAT = """name: made_up
ID: 4711
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned long start;\toffset:8;\tsize:8;\tsigned:0;
\tfield:long change;\toffset:16;\tsize:8;\tsigned:1;
\tfield:char comm[16];\toffset:24;\tsize:16;\tsigned:0;
\tfield:const char * where;\toffset:40;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:48;\tsize:4;\tsigned:0;

print fmt: "%lx; not a field:x", REC->start
"""


def test_format() -> None:
    """Number, name and fields with type, place and sign."""
    tracepoint = parse_format("mine", FORMAT)
    assert (str(tracepoint), tracepoint.id) == ("mine:made_up", 4711)
    assert tracepoint.fields == (
        Field("common_type", "unsigned short", 0, 2, False),
        Field("common_pid", "int", 4, 4, True),
        Field("start", "unsigned long", 8, 8, False),
        Field("change", "long", 16, 8, True),
        Field("comm", "char[16]", 24, 16, False),
        Field("where", "const char *", 40, 8, False),
        Field("name", "__data_loc char[]", 48, 4, False),
    )


def test_decode() -> None:
    """Numbers by name; arrays and strings are left out, and what the record does not reach."""
    raw = struct.pack("=HHiQq16sQI", 4711, 0, -1, 1 << 63, -5, b"x", 7, 9)
    tracepoint = parse_format("mine", FORMAT)
    assert tracepoint.decode(raw) == {
        "common_type": 4711, "common_pid": -1, "start": 1 << 63, "change": -5, "where": 7,
    }  # fmt: skip
    assert "change" not in tracepoint.decode(raw[:20])


def test_no_format() -> None:
    """Some other file is refused."""
    with pytest.raises(ValueError, match="`ID:`"):
        parse_format("mine", "name: x\n")


def test_mounts(tmp_path: Path) -> None:
    """tracefs itself before the one below debugfs; a blank in a path is written as in mounts(5)."""
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\ndebugfs /sys/kernel/debug debugfs rw 0 0\n")
    assert find_tracefs(mounts) == Path("/sys/kernel/debug/tracing")
    mounts.write_text(mounts.read_text() + "tracefs /my\\040own tracefs rw 0 0\n")
    assert find_tracefs(mounts) == Path("/my own")
    mounts.write_text("proc /proc proc rw 0 0\n")
    assert find_tracefs(mounts) is None


def test_found(tmp_path: Path) -> None:
    """By system and name, in the folder given."""
    folder = tmp_path / "events" / "mine" / "made_up"
    folder.mkdir(parents=True)
    (folder / "format").write_text(FORMAT)
    assert find_tracepoint("mine:made_up", tmp_path).id == 4711


@pytest.mark.parametrize(
    ("made", "asked", "what", "how"),
    [
        ("", "kvm:x", "tracefs has no events", "CONFIG_EVENT_TRACING"),
        ("events/sched", "kvm:x", "no tracepoints of kvm", "modprobe kvm"),
        ("events/kvm", "kvm:x", "no tracepoint kvm:x", "events/kvm of tracefs"),
    ],
)
def test_absent(tmp_path: Path, made: str, asked: str, what: str, how: str) -> None:
    """What is missing, and what to do about it."""
    (tmp_path / made).mkdir(parents=True, exist_ok=True)
    with pytest.raises(MissingMeansError) as caught:
        find_tracepoint(asked, tmp_path)
    assert what in caught.value.what
    assert how in caught.value.how
    assert asked in caught.value.why


def test_not_mounted() -> None:
    """Who may not mount is told what root has to do."""
    told = run_as_nobody(
        "from shootdown.live import tracefs, errors\nfrom pathlib import Path\n\n"
        "try:\n"
        "    with tracefs.open_tracefs(Path('/dev/null')): print('open')\n"
        "except errors.MissingMeansError as error: print(error)\n"
    )
    assert "tracefs is not mounted" in told
    assert "mount -t tracefs" in told


def test_nowhere_mounted(tmp_path: Path) -> None:
    """Who may mount needs no place for it, and leaves none behind."""
    nothing = tmp_path / "mounts"
    nothing.touch()
    before = Path("/proc/self/mounts").read_text()
    try:
        with open_tracefs(nothing) as root:
            assert (root / "README").is_file()
            inside = Path("/proc/self/mounts").read_text()
    except MissingMeansError as error:
        pytest.skip(str(error))
    assert inside == before
