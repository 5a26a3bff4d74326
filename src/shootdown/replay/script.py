"""A trace as commands on page numbers.

Two passes over the calls, neither of which holds more than one call at a time: the first finds
which 2 MiB blocks each program image ever makes accessible, the second turns calls into commands.
An image begins with execve and is shared by all processes forked from it, whose addresses agree.

Files are taken as private anonymous memory: a read maps a page that is never freed (like the page
cache), a write a page of one's own. A move by mremap is taken as an unmap of the old range and a
fresh mapping of the new; the kernel moves the pages. Both are counted and shown with the bill.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from shootdown.lang.declare import PageRange
from shootdown.program.kind import PROT_NONE, READ_ONLY, READ_WRITE
from shootdown.replay.address_map import AddressMap, blocks_of
from shootdown.replay.vmas import Vma, Vmas
from shootdown.traces import Call
from shootdown.traces.call import EXECS, EXIT_MMAP, EXITS, FORKS

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED = 0x1
"""also set in MAP_SHARED_VALIDATE (0x3)"""
CLONE_VM = 0x100
MADV_DONTNEED, MADV_DONTNEED_LOCKED = 4, 24

SILENT = frozenset(
    {"msync", "mlock", "mlock2", "munlock", "mlockall", "munlockall", "shmget", *EXITS}
)
"""calls that change nothing the model knows: write-back and locking are not modelled"""

MOST_PAGES = 1 << 24


class ReplayError(Exception):
    """The trace cannot be replayed. `help` says what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class Operation(IntEnum):
    """What the replayed task can be told to do; the names are those on the bill."""

    MMAP = 0
    MUNMAP = 1
    MPROTECT = 2
    MADVISE_DONTNEED = 3
    FORK = 4
    """copy_page_range of one VMA"""
    FORK_FLUSH = 5
    """the flush at the end of a fork"""
    EXIT_MMAP = 6


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do in one address space."""

    space: int
    operation: Operation
    range: PageRange
    rights: int = 0
    touch: bool = False
    """the range has become accessible: the process touches it next"""
    child: int | None = None
    """the address space that begins as a copy of this one (with FORK_FLUSH)"""
    starts_call: bool = True
    ends_call: bool = True
    """a call may take several commands; nobody touches anything in between"""


@dataclass(slots=True)
class _Image:
    """A program from its execve on: the blocks that some process of it made accessible."""

    blocks: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Outline:
    """What the first pass found: the images in order of appearance, and totals."""

    maps: tuple[AddressMap, ...]
    processes: int
    spaces: int
    calls: int

    @property
    def pages(self) -> int:
        """Pages of the largest image."""
        return max((m.pages for m in self.maps), default=0)


def rights_of(protection: int | None) -> int:
    """Rights of page-table entries for PROT_* bits; execute counts as read."""
    bits = protection or 0
    if bits & PROT_WRITE:
        return READ_WRITE
    return READ_ONLY if bits & (PROT_READ | PROT_EXEC) else PROT_NONE


class _Lineage:
    """Which image each address space runs, while calls go by."""

    def __init__(self) -> None:
        self.image_of: dict[int, int] = {}
        self.images = 0

    def follow(self, call: Call) -> int:
        """The image a successful call belongs to, after exec and fork had their effect."""
        if call.call in EXECS or call.pid not in self.image_of:
            self.image_of[call.pid] = self.images
            self.images += 1
        image = self.image_of[call.pid]
        if begins_space(call):
            assert call.child is not None
            self.image_of[call.child] = image
        return image


def begins_space(call: Call) -> bool:
    """The call made a new address space, a copy of the caller's."""
    return call.call in FORKS and call.child is not None and not (call.flags or 0) & CLONE_VM


def outline(calls: Iterable[Call]) -> Outline:
    """The first pass.

    Raises:
        ReplayError: if an image has more than `MOST_PAGES` accessible pages.
    """
    lineage = _Lineage()
    images: defaultdict[int, _Image] = defaultdict(_Image)
    pids: set[int] = set()
    total = 0
    spaces = 0
    for call in calls:
        if call.error is not None:
            continue
        total += call.call != EXIT_MMAP
        pids.add(call.pid)
        spaces += begins_space(call) or call.call in EXECS or call.pid not in lineage.image_of
        image = images[lineage.follow(call)]
        for address, length in _accessible(call):
            image.blocks.update(blocks_of(address, length))
        if len(image.blocks) * 512 > MOST_PAGES:
            raise ReplayError(
                f"process {call.pid} makes more than {MOST_PAGES} pages accessible",
                "record a smaller run of the program",
            )
    maps = tuple(AddressMap.of(images[number].blocks) for number in range(lineage.images))
    return Outline(maps, len(pids), spaces, total)


def _accessible(call: Call) -> Iterator[tuple[int, int]]:
    """The ranges a call makes accessible."""
    match call.call:
        case "mmap" | "mprotect" | "pkey_mprotect":
            if rights_of(call.protection) > PROT_NONE:
                yield call.address or 0, call.length or 0
        case "brk" | "shmat":
            yield call.address or 0, call.length or 0
        case "mremap":
            yield call.address2 or 0, call.length2 or 0
        case _:
            return


class Script:
    """The second pass: iterate over it for the commands; `not_modelled` fills meanwhile."""

    def __init__(self, calls: Callable[[], Iterable[Call]]) -> None:
        self._calls = calls
        self.outline = outline(calls())
        self.not_modelled: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Command]:
        self.not_modelled.clear()
        reader = _Reader(self.outline.maps, self.not_modelled)
        for call in self._calls():
            if call.error is None:
                yield from reader.commands(call)
            else:
                self.not_modelled["failed calls, which change nothing"] += 1


class _Reader:
    """Turns one call after the other into commands, following VMAs and images."""

    def __init__(self, maps: tuple[AddressMap, ...], not_modelled: Counter[str]) -> None:
        self.maps = maps
        self.not_modelled = not_modelled
        self.lineage = _Lineage()
        self.vmas: defaultdict[int, Vmas] = defaultdict(Vmas)

    def commands(self, call: Call) -> list[Command]:
        """The commands of one successful call, in order."""
        self.map = self.maps[self.lineage.follow(call)]
        self.pid = call.pid
        found = self._commands(call)
        if len(found) == 1:
            return found
        last = len(found) - 1
        return [
            replace(command, starts_call=number == 0, ends_call=number == last)
            for number, command in enumerate(found)
        ]

    def _commands(self, call: Call) -> list[Command]:
        start, length = call.address or 0, call.length or 0
        match call.call:
            case "mmap":
                shared = bool((call.flags or 0) & MAP_SHARED)
                return self._map(start, length, rights_of(call.protection), shared)
            case "munmap" | "shmdt":
                return self._unmap(start, length)
            case "mprotect" | "pkey_mprotect":
                return self._protect(start, length, rights_of(call.protection))
            case "madvise":
                return self._advise(call, start, length)
            case "brk":
                grew = call.result == start + length
                return self._brk(start, length, grew)
            case "shmat":
                return self._map(start, length, READ_WRITE, True)
            case "mremap":
                return self._remap(call, start, length)
            case name if begins_space(call):
                return self._fork(call)
            case name if name in EXECS or name == EXIT_MMAP:
                return self._end()
            case name:
                if name not in SILENT and name not in FORKS:
                    self.not_modelled[f"{name}, left out"] += 1
                return []

    def _command(
        self, operation: Operation, start: int, length: int, rights: int = 0, touch: bool = False
    ) -> list[Command]:
        """A command, unless none of its pages has a number."""
        range = self.map.range(start, length)
        return [Command(self.pid, operation, range, rights, touch)] if len(range) else []

    def _map(self, start: int, length: int, rights: int, shared: bool) -> list[Command]:
        end = _page_up(start + length)
        accessible = rights > PROT_NONE
        self.vmas[self.pid].add(
            Vma(start, end, rights, shared, accessible and rights == READ_WRITE)
        )
        return self._command(Operation.MMAP, start, length, rights, accessible)

    def _unmap(self, start: int, length: int) -> list[Command]:
        vmas, end = self.vmas[self.pid], _page_up(start + length)
        if not vmas.overlapping(start, end):
            return []
        vmas.remove(start, end)
        return self._command(Operation.MUNMAP, start, length)

    def _protect(self, start: int, length: int, rights: int) -> list[Command]:
        end = _page_up(start + length)
        found = []
        changed = self.vmas[self.pid].change(start, end, rights, rights == READ_WRITE)
        for vma in changed:
            opens = vma.rights < READ_ONLY <= rights
            size = vma.end - vma.start
            found += self._command(Operation.MPROTECT, vma.start, size, rights, opens)
        return found

    def _advise(self, call: Call, start: int, length: int) -> list[Command]:
        if call.advice not in (MADV_DONTNEED, MADV_DONTNEED_LOCKED):
            self.not_modelled[f"madvise with advice {call.advice}, left out"] += 1
            return []
        found = []
        for vma in self.vmas[self.pid].overlapping(start, _page_up(start + length)):
            size = vma.end - vma.start
            found += self._command(Operation.MADVISE_DONTNEED, vma.start, size)
        return found

    def _brk(self, start: int, length: int, grew: bool) -> list[Command]:
        """The heap changes by whole pages, and only by those not yet (or still) needed."""
        first, end = _page_up(start), _page_up(start + length)
        if end <= first:
            return []
        if grew:
            return self._map(first, end - first, READ_WRITE, False)
        return self._unmap(first, end - first)

    def _remap(self, call: Call, start: int, length: int) -> list[Command]:
        target, size = call.address2 or 0, _page_up(call.length2 or 0)
        length = _page_up(length)
        if target == start:
            if size > length:
                old = self.vmas[self.pid].overlapping(start, start + length)
                rights = old[-1].rights if old else READ_WRITE
                shared = bool(old and old[-1].shared)
                return self._map(start + length, size - length, rights, shared)
            return self._unmap(start + size, length - size) if size < length else []
        self.not_modelled["mremap moves, taken as unmap and fresh mapping"] += 1
        old = self.vmas[self.pid].overlapping(start, start + max(length, 1))
        rights = old[0].rights if old else READ_WRITE
        moved = self._unmap(start, length)
        return [*moved, *self._map(target, size, rights, bool(old and old[0].shared))]

    def _fork(self, call: Call) -> list[Command]:
        child = call.child
        assert child is not None
        found = []
        for vma in self.vmas[self.pid]:
            if vma.written and not vma.shared:
                found += self._command(Operation.FORK, vma.start, vma.end - vma.start)
        self.vmas[child] = self.vmas[self.pid].copy()
        flush = Command(self.pid, Operation.FORK_FLUSH, PageRange(0, 0), child=child)
        return [*found, flush]

    def _end(self) -> list[Command]:
        if self.vmas.pop(self.pid, None) is None:
            return []
        return [Command(self.pid, Operation.EXIT_MMAP, PageRange(0, 0))]


def _page_up(address: int) -> int:
    return -(-address // 4096) * 4096
