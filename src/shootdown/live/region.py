"""A region of this process that programs of memory system calls work on, and its state.

Operations do what `docs/programs.md` says of them. Touching goes through the kernel's copy
routines, so that a wrong program gets EFAULT and lives. A child that was forked waits for orders;
it acts in an address space of its own.
"""

from __future__ import annotations

import ast
import ctypes
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise
from types import TracebackType

from shootdown.live import memory
from shootdown.live.memory import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PAGE
from shootdown.live.pagemap import Category, PageFlag, Pagemap, pack_flags
from shootdown.live.programs import ADVICE, NO_TARGET, Operation, State
from shootdown.live.system import function_of_libc, last_error
from shootdown.live.toucher import Toucher

_PROTECTION = {"none": memory.PROT_NONE, "r": memory.PROT_READ, "rw": memory.READ_WRITE}
_ANONYMOUS = {"mmap_anon": MAP_PRIVATE, "mmap_shanon": MAP_SHARED}
_FILE = {"mmap_private": MAP_PRIVATE, "mmap_shared": MAP_SHARED}
_PUNCH_HOLE = 3
"""FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE"""

_LETTERS = (
    ("P", pack_flags(PageFlag.PRESENT)),
    ("F", pack_flags(PageFlag.FILE)),
    ("X", pack_flags(PageFlag.EXCLUSIVE)),
    ("D", pack_flags(PageFlag.SOFT_DIRTY)),
    ("S", pack_flags(PageFlag.SWAP)),
    ("G", pack_flags(PageFlag.GUARD)),
    ("U", pack_flags(PageFlag.UFFD_WP)),
)
_PRESENT = pack_flags(PageFlag.PRESENT)
_MARK_LETTERS = (("Z", Category.ZERO), ("H", Category.HUGE))
_NONE, _MARKS = Category(0), Category.ZERO | Category.HUGE


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


class Region:
    """`pages` pages at `base`, unmapped at first, with a memfd of as many pages."""

    def __init__(self, base: int, pages: int) -> None:
        self.base, self.pages = base, pages
        self._file = os.memfd_create("region")
        os.ftruncate(self._file, pages * PAGE)
        self._children: list[_Child] = []
        self._pagemap = Pagemap()
        self._maps = os.open("/proc/self/maps", os.O_RDONLY | os.O_CLOEXEC)
        self._toucher = Toucher()

    def __enter__(self) -> Region:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children:
            child.end()
        self._pagemap.close()
        self._toucher.close()
        os.close(self._maps)
        os.close(self._file)
        memory.munmap(self.base, self.pages * PAGE)

    def perform(self, operation: Operation) -> int:
        """Do it: 0, or the error as a negative number."""
        name = str(operation[0])
        try:
            if name.startswith("child_"):
                return self._order(name, operation)
            self._do(name, operation[1:])
        except OSError as error:
            return -(error.errno or errno.EIO)
        return 0

    def _do(self, name: str, arguments: tuple[str | int, ...]) -> None:
        match name, arguments:
            case "fork", ():
                self._children.append(_Child(self))
            case "ftruncate", (int(size),):
                os.ftruncate(self._file, size * PAGE)
            case "punch", (int(offset), int(count)):
                _punch(self._file, offset * PAGE, count * PAGE)
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
            memory.mmap(start, size, _PROTECTION[str(rest[0])], flags)
        elif name in _FILE:
            flags, offset = _FILE[name] | MAP_FIXED, int(rest[1]) * PAGE
            memory.mmap(start, size, _PROTECTION[str(rest[0])], flags, self._file, offset)
        elif name == "munmap":
            memory.munmap(start, size)
        elif name == "mprotect":
            memory.mprotect(start, size, _PROTECTION[str(rest[0])])
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
        if name == "child_exit":
            self._children.pop().end()
            return 0
        return self._children[-1].do((name.removeprefix("child_"), *operation[1:]))

    def forget_children(self) -> None:
        """In a child: those before it are not its own, and must see when their parent is gone."""
        for child in self._children:
            child.forget()
        self._children.clear()

    def _at(self, page: int) -> int:
        return self.base + page * PAGE

    # --- state --------------------------------------------------------------------------------

    def state(self) -> State:
        """VMAs and pages now. Looking sends no notification."""
        return State(tuple(self._vmas()), tuple(self._flags()))

    def _vmas(self) -> Iterable[tuple[int, int, str, str, int]]:
        low, high = self.base, self._at(self.pages)
        for line in self._lines():
            span, permissions, offset, *rest = line.split(maxsplit=5)
            first, _, last = span.partition(b"-")
            start, end = int(first, 16), int(last, 16)
            if start >= high:
                return
            if end > low:
                name = rest[2] if len(rest) > 2 else b""
                kind = "memfd" if b"memfd:" in name else "shanon" if b"zero" in name else "anon"
                place = self._page(start), self._page(end)
                yield *place, permissions.decode(), kind, int(offset, 16) // PAGE

    def _lines(self) -> Iterable[bytes]:
        """Of /proc/self/maps, in the order of addresses; the kernel hands them out by the page, and
        no more of them than are asked for."""
        at, rest = 0, b""
        while part := os.pread(self._maps, PAGE, at):
            *lines, rest = (rest + part).split(b"\n")
            yield from lines
            at += len(part)

    def _flags(self) -> Iterable[tuple[int, int, str]]:
        """Pages in a row with the same flags."""
        runs = self._pagemap.runs(self.base, self.pages)
        if not any(code & _PRESENT for _, _, code in runs):
            return [(start, end, _letters(code)) for start, end, code in runs]
        low, high = self._at(runs[0][0]), self._at(runs[-1][1])
        found = self._pagemap.scan(low, high, _NONE, _MARKS, any_of=_MARKS)
        marks = [(self._page(each.start), self._page(each.end), each.categories) for each in found]
        return _with_marks(runs, marks)

    def _page(self, address: int) -> int:
        return (address - self.base) // PAGE


def _with_marks(
    runs: Iterable[tuple[int, int, int]], marks: Sequence[tuple[int, int, Category]]
) -> Iterable[tuple[int, int, str]]:
    """Runs of pages with their flags, cut where a mark begins or ends, and joined where that makes
    no difference."""
    pieces: list[tuple[int, int, str]] = []
    for start, end, code in runs:
        inside = [mark for mark in marks if mark[0] < end and mark[1] > start]
        cuts = sorted({start, end, *(at for mark in inside for at in mark[:2] if start < at < end)})
        for first, last in pairwise(cuts):
            here = [mark for mark in inside if mark[0] <= first < mark[1]]
            letters = _letters(code) + "".join(_mark_letters(mark[2]) for mark in here)
            joins = bool(pieces) and pieces[-1][1:] == (first, letters)
            pieces.append((pieces.pop()[0] if joins else first, last, letters))
    return pieces


def _mark_letters(categories: Category) -> str:
    return "".join(letter for letter, category in _MARK_LETTERS if categories & category)


@cache
def _letters(code: int) -> str:
    """A guard marker is kept where swap entries are; it is not one."""
    text = "".join(letter for letter, flag in _LETTERS if code & flag)
    return text.replace("S", "") if "G" in text else text


def _punch(fd: int, offset: int, size: int) -> None:
    c_long = ctypes.c_long
    fallocate = function_of_libc(
        "fallocate", ctypes.c_int, ctypes.c_int, ctypes.c_int, c_long, c_long
    )
    if fallocate(fd, _PUNCH_HOLE, offset, size) < 0:
        raise last_error("fallocate")


class _Child:
    """A forked copy of the process, which does what it is told."""

    def __init__(self, region: Region) -> None:
        here, there = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(here[1])
            os.close(there[0])
            region.forget_children()
            _obey(region, here[0], there[1])
        os.close(here[0])
        os.close(there[1])
        self._orders, self._answers = here[1], there[0]

    def do(self, operation: Operation) -> int:
        """Its result."""
        os.write(self._orders, (repr(operation) + "\n").encode())
        return int(os.read(self._answers, 64))

    def forget(self) -> None:
        """No more orders."""
        os.close(self._orders)
        os.close(self._answers)

    def end(self) -> None:
        """It exits."""
        self.forget()
        os.waitpid(self.pid, 0)


def _obey(region: Region, orders: int, answers: int) -> None:
    """The child: until there are no more orders."""
    try:
        with os.fdopen(orders) as lines:
            for line in lines:
                result = region.perform(ast.literal_eval(line))
                os.write(answers, str(result).encode())
    finally:
        os._exit(0)
