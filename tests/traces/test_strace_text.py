"""What text by strace, whole, foreign or damaged, becomes."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from shootdown.traces.errors import TraceError
from shootdown.traces.strace_calls import Draft
from shootdown.traces.strace_text import StraceText

DATA = Path(__file__).parent / "data"
CLONED = "flags=CLONE_CHILD_CLEARTID|SIGCHLD"


def read(text: str | bytes) -> tuple[list[Draft], StraceText]:
    """All rows of a text, and the reader with its counts."""
    reader = StraceText("text")
    stream = io.BytesIO(text.encode("latin-1") if isinstance(text, str) else text)
    return list(reader.read(stream.read)), reader


def calls(text: str | bytes) -> list[str]:
    """The names of the rows of a text in which nothing is wrong."""
    rows, reader = read(text)
    assert reader.problems.first == []
    return [row.call for row in rows]


def seen(rows: list[Draft]) -> list[tuple[int, int, str]]:
    return [(row.pid, row.tid, row.call) for row in rows]


def test_mmap_keeps_everything() -> None:
    """The row of an mmap holds where it went, what may be done, what is behind it."""
    line = (
        "7 1795172022.760123 mmap(0x7f00, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED, "
        "3, 0x26000) = 0x7f2ec4259000\n"
    )
    [row], _ = read(line)
    assert row == Draft(
        time=1795172022760123000,
        pid=7,
        tid=7,
        call="mmap",
        address=0x7F2EC4259000,
        length=4096,
        protection=5,
        flags=0x12,
        fd=3,
        offset=0x26000,
        result=0x7F2EC4259000,
    )


@pytest.mark.parametrize(
    ("prefix", "tid", "time", "clock"),
    [
        ("2884  1795172022.759776 ", 2884, 1795172022759776000, "epoch"),
        ("2884  1795172022.759776123 ", 2884, 1795172022759776123, "epoch"),
        ("1795172022 ", 0, 1795172022000000000, "epoch"),
        ("[pid  2884] 00:00:02.5 ", 2884, 2500000000, "day"),
        ("00:01:00 ", 0, 60000000000, "day"),
        ("     0.000034 [00007f9357db7ca3] ", 0, 34000, "relative"),
        ("10:54:11.347446 (+     0.000000) ", 0, 39251347446000, "day"),
        ("2884<a b> [   9] ", 2884, 1, "none"),
        ("", 0, 1, "none"),
    ],
)
def test_prefixes(prefix: str, tid: int, time: int, clock: str) -> None:
    """Every way in which strace can say who and when is understood."""
    [row], reader = read(f"{prefix}munmap(0x1000, 8192) = 0\n")
    assert (row.tid, row.time, reader.clock) == (tid, time, clock)


def test_midnight() -> None:
    """A time of day that jumps back by hours is the next day."""
    rows, _ = read("23:59:59 munlockall() = 0\n00:00:01 munlockall() = 0\n")
    assert rows[1].time - rows[0].time == 2_000_000_000


def test_a_clock_set_back_does_not_go_back() -> None:
    """Times never decrease."""
    rows, _ = read("1 1795172022.5 munlockall() = 0\n1 1795172021.5 munlockall() = 0\n")
    assert rows[1].time == rows[0].time


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        ("MAP_PRIVATE|MAP_ANONYMOUS", 0x22),
        ("0x22", 0x22),
        ("0x22 /* MAP_PRIVATE|MAP_ANONYMOUS */", 0x22),
        ("MAP_PRIVATE|0x8000000 /* MAP_??? */", 0x8000002),
        ("MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT", 0x54040022),
    ],
)
def test_flags(flags: str, value: int) -> None:
    """Names, bare numbers and numbers with names as a comment mean the same."""
    [row], reader = read(f"mmap(NULL, 1, PROT_NONE, {flags}, -1, 0) = 0x1000\n")
    assert (row.flags, row.fd, reader.problems.warnings) == (value, -1, {})


def test_unknown_flag_is_told() -> None:
    """A flag of a newer kernel is counted, and the call kept."""
    [row], reader = read("mmap(NULL, 1, PROT_READ, MAP_SHARED|MAP_NEW, -1, 0) = 0x1000\n")
    assert row.flags == 1
    assert reader.problems.warnings == {"unknown flag MAP_NEW, taken as 0": 1}


def test_failed_calls_are_kept() -> None:
    """A failed call is a row with the name of its error."""
    [row], _ = read("1 mmap(0x5000, 1, 0, MAP_SHARED, 3</a, (b>, 0) = -1 ENOMEM (no memory)\n")
    assert (row.address, row.fd, row.result, row.error) == (0x5000, 3, -1, "ENOMEM")


def test_other_locales() -> None:
    """The words for an error may be in any language and encoding, and names of files too."""
    text = (
        b'5 execve("/home/\xe4\xff", ["\\303\\244 \\" (", "b"], 0x7f /* 3 vars */) = -1 ENOENT '
        b"(Datei oder Verzeichnis nicht gefunden: \xc3\xa4\xff = 0)\n"
        b"5 mmap(NULL, 1, PROT_READ, MAP_SHARED, 3</tmp/\xff\xfe>, 0) = -1 EACCES (\xd0\x9e)\n"
    )
    rows, reader = read(text)
    assert [(row.call, row.error) for row in rows] == [("execve", "ENOENT"), ("mmap", "EACCES")]
    assert reader.problems.skipped == 0


def test_other_calls_signals_and_messages_are_passed_over() -> None:
    """What does not concern memory is neither kept nor counted."""
    text = (
        "1 munlockall() = 0\n"
        '1 read(3, "munmap(0x0, 1) = 0\\n", 20) = 20\n'
        "1 --- SIGCHLD {si_signo=SIGCHLD, si_pid=2} ---\n"
        "strace: Process 2 attached\n"
        "1 ???? ( <unfinished ...>\n"
        " > /usr/lib/libc.so.6(mmap+0x8) [0x20ca3]\n"
        "\n"
        "1 <... read resumed>) = 0\n"
    )
    assert calls(text) == ["munlockall"]


def test_a_line_cut_at_the_end_is_not_believed() -> None:
    """Without a line feed, the last number may lack digits."""
    rows, reader = read("1 munlockall() = 0\n1 mmap(NULL, 1, 0, 1, -1, 0) = 0x7f2e")
    assert [row.call for row in rows] == ["munlockall"]
    assert reader.problems.first == ["text:2: expected a line feed: the last line is cut"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("munmap(0x7f00, 40", "`)`: the line is cut, or another line is mixed into it"),
        ("munmap(0x7f00, 4096)", "`= result` after the arguments: the line is cut"),
        ("munmap(0x7f00) = 0", "2 arguments, not 1"),
        ("munmap(here, 1) = 0", "a number, not `here`"),
        ("munmap(0x10000000000000000, 1) = 0", "a number of 64 bits, not `0x10000000000000000`"),
        ("munmap(0x1000, 4096) = 02 brk(NULL) = 0",
         "nothing after the result, not `brk(NULL) = 0`"),
        ('execve("/bin/tr', '`"` at the end of a string: the line is cut'),
        ("hello", "a system call, not `hello`"),
        ("\x1b[31mred\xff", "a system call, not `\\x1b[31mred\\xff`"),
        ("+++ exi", "`+++ exited with N +++`, not `+++ exi`"),
        ("<... munmap resumed>) = 0", "the first half of `munmap` before its second"),
        ("mmap(0xbffff000) = 0x1000", "mmap with its arguments spelled out, not a pointer to them"
         " (old_mmap)"),
        ("clone(flags=SIGCHLD) = 0", "a process number as the result of clone"),
        ("9795173214.362762 munlockall() = 0", "a time that fits 64 bits of nanoseconds"),
        ("1" * 30 + " x", f"a process or a time, not `{'1' * 30}`"),
    ],
)  # fmt: skip
def test_bad_lines(line: str, expected: str) -> None:
    """A bad line is told with its number and what was expected; the lines around it are kept."""
    rows, reader = read(f"munlockall() = 0\n{line}\nmunlockall() = 0\n")
    assert [row.call for row in rows] == ["munlockall", "munlockall"]
    assert reader.problems.skipped == 1
    assert reader.problems.first == [f"text:2: expected {expected}"]


def test_a_very_long_line_is_skipped() -> None:
    """No line is kept beyond a megabyte."""
    rows, reader = read(b"munlockall() = 0\n" + b"x" * 3_000_000 + b"\nmunlockall() = 0\n")
    assert len(rows) == 2
    assert reader.problems.first == ["text:2: expected a line of at most 1048576 bytes"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "empty, so not a trace by strace"),
        ("getpid() = 3\n", None, "no memory system call in it"),
        (
            "\x7fELF\x01\n\x02\n",
            1,
            "not a trace by strace: none of 2 lines reads as one; "
            "expected a system call, not `\\x7fELF\\x01`",
        ),
    ],
)
def test_a_text_without_a_good_line_is_refused(text: str, line: int | None, message: str) -> None:
    """Foreign files are refused with what was expected and how to make one."""
    with pytest.raises(TraceError) as caught:
        read(text)
    assert (caught.value.file, caught.value.line) == ("text", line)
    assert caught.value.message == message
    assert "strace -f -ttt -o TEXT COMMAND" in str(caught.value.help)


def test_halves_are_stitched_in_the_order_of_effect() -> None:
    """What gives up an address counts from its first half, what obtains one from its second."""
    text = (
        "1 1.0 clone(child_stack=NULL, flags=CLONE_VM|CLONE_THREAD) = 2\n"
        "1 2.0 munmap(0x7000, 4096 <unfinished ...>\n"
        "2 3.0 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0 <unfinished ...>\n"
        "1 4.0 <... munmap resumed>) = 0\n"
        "1 5.0 munmap(0x8000, 4096) = 0\n"
        "2 6.0 <... mmap resumed> ) = 0x8000\n"
    )
    rows, _ = read(re.sub(r"^(\d) (\d)", r"\1 170000000\2", text, flags=re.MULTILINE))
    second = 10**9
    assert [(row.time // second % 10, row.tid, row.call, row.address) for row in rows] == [
        (1, 1, "clone", None),
        (2, 1, "munmap", 0x7000),
        (5, 1, "munmap", 0x8000),
        (6, 2, "mmap", 0x8000),
    ]
    assert [row.duration for row in rows] == [None, 2 * second, None, 3 * second]
    assert {row.pid for row in rows} == {1}


def test_a_child_that_runs_before_its_parent_returns() -> None:
    """The fork counts from its first half, so that the child is known before its first call."""
    text = (
        f"1 clone(child_stack=NULL, {CLONED} <unfinished ...>\n"
        "2 munmap(0x1000, 1) = 0\n"
        "1 <... clone resumed>, child_tidptr=0x1) = 2\n"
    )
    rows, reader = read(text)
    assert seen(rows) == [(1, 1, "clone"), (2, 2, "munmap")]
    assert (rows[0].child, reader.problems.warnings) == (2, {})


def test_a_call_never_resumed_is_counted() -> None:
    """A call whose end is not told is no row, and does not hold up the others for ever."""
    text = "1 munmap(0x1, 1 <unfinished ...>\n2 munlockall() = 0\n1 +++ killed by SIGKILL +++\n"
    rows, reader = read(text)
    assert seen(rows) == [(2, 2, "munlockall")]
    assert reader.unfinished == 1
    assert read("1 mremap(0x1, 1, 1, 0) = ?\n1 munlockall() = 0\n")[1].unfinished == 1


def test_halves_that_do_not_fit_are_skipped() -> None:
    """A damaged second half costs its call, and not those that waited behind it."""
    text = "1 munmap(0x1, 1 <unfinished ...>\n2 munlockall() = 0\n1 <... munmap resumed>= x\n"
    rows, reader = read(text)
    assert seen(rows) == [(2, 2, "munlockall")]
    assert reader.problems.skipped == 1


def test_a_thread_that_executes_a_program() -> None:
    """It takes the number of its process, and the other threads end."""
    text = (
        "1 clone(child_stack=NULL, flags=CLONE_VM|CLONE_THREAD) = 2\n"
        '2 execve("/bin/true", [], 0x7f <unfinished ...>\n'
        "1 +++ superseded by execve in pid 2 +++\n"
        "1 <... execve resumed>) = 0\n"
        "1 munlockall() = 0\n"
        "1 +++ exited with 0 +++\n"
    )
    rows, reader = read(text)
    assert seen(rows)[1:] == [(1, 1, "execve"), (1, 1, "munlockall"), (1, 1, "exit_mmap")]
    assert (reader.spaces.processes, reader.problems.skipped) == (1, 0)


def test_a_child_in_another_process_namespace() -> None:
    """The child's number is the one that strace uses, not the one its parent was told."""
    rows, _ = read(
        f"1 clone(child_stack=NULL, {CLONED}) = 2 /* 77 in strace's PID NS */\n"
        "77 munlockall() = 0\n"
    )
    assert rows[0].child == 77
    assert seen(rows) == [(1, 1, "clone"), (77, 77, "munlockall")]


def test_numbers_that_appear_late_belong_to_the_first_task() -> None:
    """To a terminal, strace leaves out the process as long as there is one."""
    rows, reader = read(
        f"munlockall() = 0\nclone(child_stack=NULL, {CLONED}) = 11\n"
        "[pid 10] munlockall() = 0\n[pid 11] munlockall() = 0\n[pid 11] +++ exited with 0 +++\n"
        "munlockall() = 0\n"
    )
    assert [(row.pid, row.call) for row in rows] == [
        (0, "munlockall"),
        (0, "clone"),
        (0, "munlockall"),
        (11, "munlockall"),
        (11, "exit_mmap"),
        (0, "munlockall"),
    ]
    assert reader.problems.warnings == {}


def test_strange_tasks_are_told() -> None:
    """With `strace -p` nobody tells who shares a space: each task gets its own, and it is said."""
    _, reader = read("1 munlockall() = 0\n2 munlockall() = 0\n")
    assert reader.problems.warnings == {
        "a task appears without a fork, taken for a process of its own": 1
    }


def test_brk_tells_what_grew_and_shrank() -> None:
    """The break is turned into the part that was added or taken away, per space."""
    rows, reader = read(
        "1 brk(NULL) = 0x5000\n1 brk(0x8000) = 0x8000\n1 brk(0x6000) = 0x6000\n"
        f"1 clone(child_stack=NULL, {CLONED}) = 2\n2 brk(0x7000) = 0x7000\n"
        "1 brk(0xffff00000000) = 0x6000\n"
    )
    assert [(row.pid, row.address, row.length, row.error) for row in rows if row.call == "brk"] == [
        (1, 0x5000, 0, None),
        (1, 0x5000, 0x3000, None),
        (1, 0x6000, 0x2000, None),
        (2, 0x6000, 0x1000, None),
        (1, 0xFFFF00000000, None, "ENOMEM"),
    ]
    assert reader.problems.warnings == {}


def test_segments_have_the_length_that_shmget_said() -> None:
    """shmat and shmdt do not say how long; shmget did."""
    rows, _ = read(
        "1 shmget(IPC_PRIVATE, 65536, IPC_CREAT|0600) = 5\n1 shmat(5, NULL, 0) = 0x7000\n"
        "1 shmdt(0x7000) = 0\n"
    )
    assert [(row.address, row.length) for row in rows] == [
        (None, 65536),
        (0x7000, 65536),
        (0x7000, 65536),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE) = 0x9000",
         {"address": 0x1000, "length": 4096, "address2": 0x9000, "length2": 8192, "flags": 1}),
        ("mremap(0x1000, 1, 2, MREMAP_MAYMOVE|MREMAP_FIXED, 0x5000) = -1 EINVAL (x)",
         {"address2": 0x5000, "error": "EINVAL"}),
        ("madvise(0x1000, 4096, MADV_PAGEOUT) = 0", {"advice": 21, "length": 4096}),
        ("process_madvise(7, [{iov_base=0x1000, iov_len=4096}, {iov_base=0x9000, iov_len=1}], 2, "
         "MADV_COLD, 0) = 4097", {"fd": 7, "address": 0x1000, "length": 4097, "advice": 20}),
        ("pkey_mprotect(0x1000, 1, PROT_READ, 3) = 0", {"protection": 1}),
        ("mlock2(0x1000, 1, MLOCK_ONFAULT) = 0", {"flags": 1}),
        ("mlockall(MCL_CURRENT|MCL_FUTURE) = 0", {"flags": 3}),
        ("msync(0x1000, 78, MS_SYNC) = 0", {"flags": 4, "length": 78}),
        ("remap_file_pages(0x1000, 4096, 0, 3, 0) = 0", {"offset": 3}),
        ("mmap2(NULL, 1, PROT_READ, MAP_SHARED, 3, 0) = 0xf7f19000",
         {"call": "mmap", "address": 0xF7F19000}),
        ("old_mmap({NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x1000}) = 0x1000", {"offset": 0x1000}),
        ("mmap({addr=NULL, len=4096, prot=1, flags=1, fd=3, offset=0}) = 0x1000", {"fd": 3}),
        ("mmap(0, 0x2000, 0x3, 0x32, 0xffffffff, 0) = 0x1000", {"fd": -1}),
        ("fork() = ? ERESTARTNOINTR (To be restarted)", {"error": "ERESTARTNOINTR", "flags": 17}),
        ("vfork() = 5", {"child": 5, "flags": 0x4111}),
        ("clone3({flags=CLONE_VM, exit_signal=SIGCHLD} => {parent_tid=[9]}, 88) = 9",
         {"child": 9, "flags": 0x100}),
        ("munmap(0x1000, 1) = 0 <0.000009>", {"duration": 9000}),
    ],
)  # fmt: skip
def test_decoded(line: str, expected: dict[str, object]) -> None:
    """Each call's arguments are found where that call has them."""
    [row], reader = read(line + "\n")
    assert {name: getattr(row, name) for name in expected} == expected
    assert (reader.problems.skipped, reader.problems.warnings) == (0, {})
