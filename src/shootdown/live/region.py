"""A region of this process that programs of memory system calls work on, and its state.

Operations do what `docs/programs.md` says of them. Touching goes through the kernel's copy
routines, so that a wrong program gets EFAULT and lives. A child that was forked waits for orders;
it acts in an address space of its own.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from contextlib import suppress

from shootdown.closing import Closing
from shootdown.live import calls, memory
from shootdown.live.calls import PUNCH_HOLE
from shootdown.live.children import Child
from shootdown.live.memory import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PAGE
from shootdown.live.more_operations import MORE, PROTECTION, MoreOperations
from shootdown.live.programs import ADVICE, NO_TARGET, Operation, State
from shootdown.live.region_state import RegionState
from shootdown.live.system import function_of_libc, last_error
from shootdown.live.toucher import Toucher

_ANONYMOUS = {"mmap_anon": MAP_PRIVATE, "mmap_shanon": MAP_SHARED}
_FILE = {"mmap_private": MAP_PRIVATE, "mmap_shared": MAP_SHARED}


def _locker(name: str, *extra: int) -> Callable[[int, int], None]:
    """mlock and its like."""
    kinds = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int for _ in extra))
    function = function_of_libc(name, ctypes.c_int, *kinds)

    def call(address: int, size: int) -> None:
        if function(address, size, *extra) < 0:
            raise last_error(name)

    return call


_LOCKERS = {
    "mlock": _locker("mlock"),
    "mlock_onfault": _locker("mlock2", 1),
    "munlock": _locker("munlock"),
}


class Region(Closing):
    """`pages` pages at `base`, unmapped at first, with a memfd of as many pages."""

    def __init__(self, base: int, pages: int) -> None:
        self.base, self.pages = base, pages
        self._aside = memory.mmap(0, PAGE)
        """a page that is never touched: to advise something about"""
        self._file = os.memfd_create("region")
        os.ftruncate(self._file, pages * PAGE)
        self._children: list[Child] = []
        self._state = RegionState(base, pages)
        self._toucher = Toucher()
        self._more = MoreOperations(base, pages, self._file)

    def close(self) -> None:
        """Nothing is mapped there any more, and its children are gone."""
        for child in self._children:
            child.end()
        self._state.close()
        self._toucher.close()
        self._more.close()
        os.close(self._file)
        memory.munmap(self._aside, PAGE)
        with suppress(OSError):  # what is sealed stays until the end of the process
            memory.munmap(self.base, self.pages * PAGE)

    def state(self) -> State:
        """VMAs and pages now. Looking sends no notification."""
        return self._state.now()

    def perform(self, operation: Operation) -> int:
        """Do it: 0, or the error as a negative number; a few operations have a number to tell.

        Before, what lists of this CPU still refer to is put where it belongs (lru_add_drain()): a
        page that one of them has is copied where it would be reused, and stays where it would go,
        and how full they are is not the program's business.
        """
        memory.madvise(self._aside, PAGE, memory.MADV_COLD)
        name = str(operation[0])
        try:
            if name.startswith("child_"):
                return self._order(name, operation)
            if name in MORE:
                return self._more.perform(operation)
            self._do(name, operation[1:])
        except OSError as error:
            return -(error.errno or errno.EIO)
        return 0

    def _do(self, name: str, arguments: tuple[str | int, ...]) -> None:
        match name, arguments:
            case "fork", ():
                self._children.append(Child(self._forget_children, self.perform))
            case "ftruncate", (int(size),):
                os.ftruncate(self._file, size * PAGE)
            case "punch", (int(offset), int(count)):
                calls.fallocate(self._file, PUNCH_HOLE, offset * PAGE, count * PAGE)
            case "pwrite", (int(offset),):
                os.pwrite(self._file, b"x", offset * PAGE)
            case "mremap", (int(page), int(old), int(new), int(flags), int(target)):
                place = 0 if target == NO_TARGET else self._at(target)
                memory.mremap(self._at(page), old * PAGE, new * PAGE, flags, place)
            case _, (int(page), int(count), *rest):
                self._on_range(name, page, count, rest)

    def _on_range(self, name: str, page: int, count: int, rest: list[str | int]) -> None:
        start, size = self._at(page), count * PAGE
        if name in _ANONYMOUS:
            flags = _ANONYMOUS[name] | MAP_ANONYMOUS | MAP_FIXED
            memory.mmap(start, size, PROTECTION[str(rest[0])], flags)
        elif name in _FILE:
            flags, offset = _FILE[name] | MAP_FIXED, int(rest[1]) * PAGE
            memory.mmap(start, size, PROTECTION[str(rest[0])], flags, self._file, offset)
        elif name == "munmap":
            memory.munmap(start, size)
        elif name == "mprotect":
            memory.mprotect(start, size, PROTECTION[str(rest[0])])
        elif name == "madvise":
            memory.madvise(start, size, ADVICE[str(rest[0])])
        elif name in _LOCKERS:
            _LOCKERS[name](start, size)
        elif name == "read":
            self._toucher.read(start, count)
        else:
            self._toucher.write(start, count)

    def _order(self, name: str, operation: Operation) -> int:
        """Have the last child do it; without one nothing happens."""
        if not self._children:
            return -errno.ESRCH
        end = {"child_exit": Child.end, "child_exec": Child.execute, "child_kill": Child.kill}
        if name in end:
            end[name](self._children.pop())
            return 0
        return self._children[-1].do((name.removeprefix("child_"), *operation[1:]))

    def _forget_children(self) -> None:
        """In a child: those before it are not its own, and must see when their parent is gone."""
        for child in self._children:
            child.forget()
        self._children.clear()

    def _at(self, page: int) -> int:
        return self.base + page * PAGE
