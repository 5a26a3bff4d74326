"""Rows of a trace, written by hand."""

from __future__ import annotations

from collections.abc import Sequence

from shootdown.replay.script import Command, Operation, Script
from shootdown.traces import Call

PAGE = 4096
BASE = 1 << 30
"""an address at which a block of 2 MiB begins"""

NONE, READ, WRITE = 0, 1, 3
"""protection bits"""
PRIVATE, SHARED = 2, 1
"""mmap flags"""


def row(call: str, start: int = 0, pages: int = 0, pid: int = 1, **more: int | str) -> Call:
    """A call on `pages` pages from page number `start` after BASE."""
    address, length = BASE + start * PAGE, pages * PAGE
    return Call(0, pid, pid, call, address, length)._replace(**more)  # type: ignore[arg-type]


def mapped(
    start: int, pages: int, protection: int = WRITE, flags: int = PRIVATE, pid: int = 1
) -> Call:
    """mmap"""
    return row("mmap", start, pages, pid, protection=protection, flags=flags)


def moved(old: tuple[int, int], new: tuple[int, int]) -> Call:
    """mremap from (start, pages) to (start, pages)"""
    target, size = BASE + new[0] * PAGE, new[1] * PAGE
    return row("mremap", *old, address2=target, length2=size)


def grown(start: int, length: int) -> Call:
    """brk from this address on by so many bytes"""
    address = BASE + start
    return Call(0, 1, 1, "brk", address, length, result=address + length)


def shrunk(start: int, length: int) -> Call:
    """brk back to this address"""
    address = BASE + start
    return Call(0, 1, 1, "brk", address, length, result=address)


def script_of(calls: Sequence[Call]) -> Script:
    """A script that can be read twice."""
    return Script(lambda: calls)


def show(command: Command) -> str:
    """`1 munmap 0-4`, with rights, `touch`, `child 2`, and `…` where the call goes on or began."""
    name = Operation(command.operation).name.lower()
    text = f"{command.space} {name} {command.range.start}-{command.range.end}"
    if command.operation in (Operation.MMAP, Operation.MPROTECT):
        text += f" {('', 'none', 'ro', 'rw')[command.rights]}"
    text += " touch" if command.touch else ""
    text += f" child {command.child}" if command.child is not None else ""
    return f"{'' if command.starts_call else '… '}{text}{'' if command.ends_call else ' …'}"


def commands_of(calls: Sequence[Call]) -> list[str]:
    """All commands of a script, as text."""
    return [show(command) for command in script_of(calls)]
