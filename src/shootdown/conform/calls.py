"""Every call that a program can make, by name: those on memory, on files, and on the process."""

from __future__ import annotations

from collections.abc import Mapping

from shootdown.conform.caller import Call, of_file_and_range, of_process, of_range, of_two
from shootdown.conform.memory_calls import MEMORY_CALLS
from shootdown.lang.declare import PageRange
from shootdown.linux.syscalls.files import (
    fallocate,
    ftruncate,
    punch_hole,
    pwrite,
    unmap_mapping_range,
)
from shootdown.linux.syscalls.fork import become_child, exit_mmap, fork
from shootdown.linux.syscalls.process import Process
from shootdown.linux.syscalls.sync import fsync, msync
from shootdown.linux.syscalls.uprobe import forget, register, unregister


def _nothing(process: Process) -> int:
    """What no part of the model notices."""
    return 0


def _zap_file(process: Process, range: PageRange, file: int, even_cows: int, three: int) -> int:
    if even_cows != 0:
        unmap_mapping_range(process, file, range, even_cows=True)
    else:
        unmap_mapping_range(process, file, range, even_cows=False)
    return 0


def _make_disk(process: Process, range: PageRange, one: int, two: int, three: int) -> int:
    process.files.make_disk(range.end)
    return 0


FILE_CALLS: Mapping[str, Call] = {
    "ftruncate": of_two(ftruncate),
    "punch_hole": of_file_and_range(punch_hole),
    "fallocate": of_file_and_range(fallocate),
    "pwrite": of_two(pwrite),
    "zap_file": _zap_file,
    "make_disk": _make_disk,
    "msync": of_range(msync),
    "fsync": of_process(fsync),
    "uprobe": of_two(register),
    "uprobe_forget": of_two(forget),
    "uprobe_unregister": of_two(unregister),
}
PROCESS_CALLS: Mapping[str, Call] = {
    "fork": of_process(fork),
    "become_child": of_process(become_child),
    "exit": of_process(exit_mmap),
    "nothing": of_process(_nothing),
}
CALLS: Mapping[str, Call] = {**MEMORY_CALLS, **FILE_CALLS, **PROCESS_CALLS}
