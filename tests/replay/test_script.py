"""Calls to commands."""

from __future__ import annotations

import pytest

from shootdown.replay import script
from shootdown.replay.script import CLONE_VM, ReplayError
from shootdown.traces import Call

from .calls import (
    BASE,
    NONE,
    PAGE,
    READ,
    SHARED,
    commands_of,
    grown,
    mapped,
    moved,
    row,
    script_of,
    shrunk,
)


def test_mmap() -> None:
    """What is accessible is touched; rights are those of page-table entries."""
    calls = [mapped(0, 4), mapped(8, 2, READ), mapped(16, 4, NONE), mapped(20, 1, 4)]
    assert commands_of(calls) == [
        "1 mmap 0-4 rw touch",
        "1 mmap 8-10 ro touch",
        "1 mmap 16-20 none",
        "1 mmap 20-21 ro touch",
    ]


def test_mappings_nobody_can_use_have_no_pages() -> None:
    """A block without an accessible mapping has no numbers, so nothing is sent for it."""
    calls = [mapped(0, 1), mapped(5120, 512, NONE), row("munmap", 5120, 512)]
    assert commands_of(calls) == ["1 mmap 0-1 rw touch"]


def test_munmap_sends_one_range() -> None:
    """Whatever holes lie in it; where nothing is mapped it sends nothing."""
    calls = [mapped(0, 2), mapped(4, 2), row("munmap", 0, 8), row("munmap", 0, 8)]
    assert commands_of(calls)[2:] == ["1 munmap 0-8"]


def test_mmap_over_something() -> None:
    """MAP_FIXED is one command: the operation unmaps by itself; rights are the new ones."""
    calls = [mapped(0, 4), mapped(1, 2, READ), row("mprotect", 0, 4, protection=READ)]
    assert commands_of(calls)[1:] == [
        "1 mmap 1-3 ro touch",
        "1 mprotect 0-1 ro …",
        "… 1 mprotect 3-4 ro",
    ]


def test_mprotect_sends_one_range_for_each_vma() -> None:
    """Parts that have these rights already send nothing; what becomes accessible is touched."""
    calls = [
        mapped(0, 2),
        mapped(2, 2, READ),
        mapped(6, 2, NONE),
        row("mprotect", 0, 8, protection=READ),
        row("mprotect", 1, 6, protection=READ | 2),
        row("pkey_mprotect", 0, 8, protection=NONE),
    ]
    assert commands_of(calls)[3:] == [
        "1 mprotect 0-2 ro …",
        "… 1 mprotect 6-8 ro touch",
        "1 mprotect 1-2 rw …",
        "… 1 mprotect 2-4 rw …",
        "… 1 mprotect 6-7 rw",
        "1 mprotect 0-1 none …",
        "… 1 mprotect 1-2 none …",
        "… 1 mprotect 2-4 none …",
        "… 1 mprotect 6-7 none …",
        "… 1 mprotect 7-8 none",
    ]


def test_madvise() -> None:
    """MADV_DONTNEED sends one range for each VMA; any other advice is left out and counted."""
    calls = [
        mapped(0, 2),
        mapped(3, 2, READ),
        row("madvise", 1, 4, advice=4),
        row("madvise", 0, 1, advice=24),
        row("madvise", 0, 5, advice=14),
        row("madvise", 2, 1, advice=4),
    ]
    assert commands_of(calls)[2:] == [
        "1 madvise_dontneed 1-2 …",
        "… 1 madvise_dontneed 3-5",
        "1 madvise_dontneed 0-1",
    ]
    found = script_of(calls)
    assert len(list(found)) == 5
    assert found.not_modelled == {"madvise with advice 14, left out": 1}


def test_brk_goes_by_whole_pages() -> None:
    """Only pages not yet needed are added, only pages no longer needed are removed."""
    calls = [
        grown(0x100, 0x200),
        grown(0x300, 0x2000),
        grown(0x2300, 0x10),
        shrunk(0x2200, 0x110),
        shrunk(0x800, 0x1A00),
        grown(0x800, 0),
    ]
    assert commands_of(calls) == ["1 mmap 1-3 rw touch", "1 munmap 1-3"]


def test_mremap() -> None:
    """Growing maps the new part, shrinking unmaps the tail, a move is unmap and mapping."""
    calls = [
        mapped(0, 2, READ),
        moved((0, 2), (0, 5)),
        moved((0, 5), (0, 1)),
        moved((0, 1), (0, 1)),
        moved((0, 1), (16, 3)),
        row("munmap", 0, 8),
        row("munmap", 16, 8),
    ]
    assert commands_of(calls)[1:] == [
        "1 mmap 2-5 ro touch",
        "1 munmap 1-5",
        "1 munmap 0-1 …",
        "… 1 mmap 16-19 ro touch",
        "1 munmap 16-24",
    ]
    found = script_of(calls)
    list(found)
    assert found.not_modelled == {"mremap moves, taken as unmap and fresh mapping": 1}


def test_mremap_goes_by_whole_pages() -> None:
    """The kernel rounds both lengths up before it compares them."""
    start = BASE
    calls = [
        mapped(0, 2),
        Call(0, 1, 1, "mremap", start, PAGE + 1, start, 2 * PAGE),
        Call(0, 1, 1, "mremap", start, PAGE + 1, start, 2 * PAGE + 1),
        Call(0, 1, 1, "mremap", start, 3 * PAGE, start, 2 * PAGE + 1),
    ]
    assert commands_of(calls)[1:] == ["1 mmap 2-3 rw touch"]


def test_shared_memory() -> None:
    """A segment is a shared mapping; removing it is an unmap."""
    calls = [row("shmget"), row("shmat", 0, 3), row("shmdt", 0, 3)]
    assert commands_of(calls) == ["1 mmap 0-3 rw touch", "1 munmap 0-3"]


def test_fork() -> None:
    """One range for each private VMA that was ever writable, then the flush; what the child does
    is its own."""
    calls = [
        mapped(0, 2),
        mapped(2, 2, READ),
        mapped(4, 2, flags=SHARED),
        mapped(6, 2),
        row("mprotect", 6, 2, protection=READ),
        row("fork", child=2),
        row("munmap", 0, 8, pid=2),
        row("munmap", 0, 2),
    ]
    assert commands_of(calls)[5:] == [
        "1 fork 0-2 …",
        "… 1 fork 6-8 …",
        "… 1 fork_flush 0-0 child 2",
        "2 munmap 0-8",
        "1 munmap 0-2",
    ]


def test_threads_are_not_spaces() -> None:
    """clone with CLONE_VM, and any fork that failed, begin nothing."""
    calls = [
        mapped(0, 1),
        row("clone", child=2, flags=CLONE_VM),
        row("vfork", child=3, flags=CLONE_VM),
        row("fork", error="EAGAIN"),
        row("clone3", child=4, flags=17),
    ]
    assert commands_of(calls)[1:] == ["1 fork 0-1 …", "… 1 fork_flush 0-0 child 4"]


def test_exec_and_exit() -> None:
    """Both empty the space; the next image has an address map of its own, a child its parent's."""
    calls = [
        row("execve"),
        mapped(512, 1),
        row("fork", child=2),
        row("execve", pid=2),
        mapped(0, 1, pid=2),
        mapped(512, 1, pid=2),
        row("exit_group", pid=2),
        row("exit_mmap", pid=2),
        row("exit_mmap", pid=2),
        row("exit_mmap"),
    ]
    assert commands_of(calls) == [
        "1 mmap 0-1 rw touch",
        "1 fork 0-1 …",
        "… 1 fork_flush 0-0 child 2",
        "2 exit_mmap 0-0",
        "2 mmap 0-1 rw touch",
        "2 mmap 512-513 rw touch",
        "2 exit_mmap 0-0",
        "1 exit_mmap 0-0",
    ]
    found = script_of(calls).outline
    assert [numbered.pages for numbered in found.maps] == [512, 1024]
    assert (found.processes, found.spaces, found.calls, found.pages) == (2, 3, 7, 1024)


def test_failed_calls_do_nothing() -> None:
    """They are counted, and change neither mappings nor the outline."""
    calls = [
        mapped(0, 2),
        mapped(5120, 2)._replace(error="ENOMEM"),
        row("munmap", 0, 2, error="EINVAL"),
    ]
    found = script_of(calls)
    assert len(list(found)) == 1
    assert found.not_modelled == {"failed calls, which change nothing": 2}
    assert (found.outline.calls, found.outline.pages) == (1, 512)


def test_unknown_calls_are_counted() -> None:
    """Calls without effect on the model are silent; those left out are named."""
    calls = [
        row("mlock", 0, 1),
        row("msync", 0, 1),
        row("remap_file_pages", 0, 1),
        row("process_madvise", 0, 1, advice=4),
    ]
    found = script_of(calls)
    assert list(found) == []
    assert found.not_modelled == {
        "remap_file_pages, left out": 1,
        "process_madvise, left out": 1,
    }


def test_reading_twice_gives_the_same() -> None:
    """A script can be read for one driver after the other; counts start anew."""
    found = script_of([mapped(0, 2), row("munmap", 0, 1), row("madvise", 0, 1, advice=3)])
    assert list(found) == list(found)
    assert found.not_modelled == {"madvise with advice 3, left out": 1}


def test_too_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that no machine would hold is refused, with what to do."""
    monkeypatch.setattr(script, "MOST_PAGES", 1024)
    script_of([mapped(0, 1024)])
    with pytest.raises(ReplayError) as refusal:
        script_of([mapped(0, 1025)])
    assert str(refusal.value) == "process 1 makes more than 1024 pages accessible"
    assert refusal.value.help == "record a smaller run of the program"
