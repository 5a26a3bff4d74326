"""Operations of programs beyond the everyday ones: what `docs/programs.md` says of them.

Descriptors and segments are made when they are needed first, so that a program without such
operations has none. The file of the disk is written page by page and synced when it is made: it is
in the page cache in single pages then, and nothing of it is dirty.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from functools import cached_property
from typing import Any

from shootdown.live import calls, memory
from shootdown.live.memory import MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PAGE
from shootdown.live.pagemap import Pagemap
from shootdown.live.perf_events import open_uprobe
from shootdown.live.programs import ADVICE, SEGMENT, Operation
from shootdown.live.userfaultfd import Feature, Mode, Userfaultfd

MAP_LOCKED, MAP_POPULATE, MAP_FIXED_NOREPLACE = 0x2000, 0x8000, 0x100000

PROTECTION = {"none": memory.PROT_NONE, "r": memory.PROT_READ, "rw": memory.READ_WRITE}
_MODES = {
    "missing": Mode.MISSING,
    "wp": Mode.WRITE_PROTECT,
    "both": Mode.MISSING | Mode.WRITE_PROTECT,
}
_POLICIES = {"default": (calls.MPOL_DEFAULT, 0), "bind": (calls.MPOL_BIND, 1)}

_ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS


class MoreOperations:
    """On `pages` pages at `base`, and a file; to be closed."""

    def __init__(self, base: int, pages: int, file: int) -> None:
        self.base, self.pages, self.file = base, pages, file
        self.probes: list[int] = []
        """descriptors of breakpoints in the file"""

    def close(self) -> None:
        """What was made."""
        made = vars(self)
        while self.probes:
            os.close(self.probes.pop())
        if "userfaultfd" in made:
            self.userfaultfd.close()
        for name in ("disk", "memory"):
            if name in made:
                os.close(made[name])

    def perform(self, operation: Operation) -> int:
        """Do it: 0, or what it has to tell.

        Raises:
            OSError: with the error of the call.
        """
        name, *arguments = operation
        return MORE[str(name)](self, *arguments) or 0

    # --- what they need -----------------------------------------------------------------------

    def at(self, page: int) -> int:
        """Address of a page."""
        return self.base + page * PAGE

    @cached_property
    def userfaultfd(self) -> Userfaultfd:
        """Nobody reads it: whoever would have to wait for an answer gets EFAULT instead, because
        it is the kernel that touches, for which USER_MODE_ONLY does not wait."""
        return Userfaultfd(Feature.PAGEFAULT_FLAG_WP | Feature.WP_HUGETLBFS_SHMEM)

    @cached_property
    def source(self) -> int:
        """As many pages as the region, to copy from."""
        size = self.pages * PAGE
        return memory.mmap(0, size, memory.READ_WRITE, _ANONYMOUS | MAP_POPULATE)

    @cached_property
    def segment(self) -> int:
        """Mapped once somewhere else, and gone with the process."""
        made = calls.shmget(SEGMENT * PAGE)
        try:
            calls.shmat(made, 0, 0)
        finally:
            calls.shm_remove(made)
        return made

    @cached_property
    def disk(self) -> int:
        """A file without a name where temporary files are."""
        fd = os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        for page in range(self.pages):
            os.pwrite(fd, bytes(PAGE), page * PAGE)
        os.fsync(fd)
        return fd

    @cached_property
    def memory(self) -> int:
        """/proc/self/mem: the memory as a file, which may be written where the process may not."""
        return os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)


def _map_as(flags: int) -> Callable[..., None]:
    """mmap of anonymous private memory with these flags."""

    def call(on: MoreOperations, page: int, count: int, protection: str) -> None:
        memory.mmap(on.at(page), count * PAGE, PROTECTION[protection], _ANONYMOUS | flags)

    return call


def _map_disk(flags: int) -> Callable[..., None]:
    def call(on: MoreOperations, page: int, count: int, protection: str, offset: int) -> None:
        place, kind = (on.at(page), count * PAGE), PROTECTION[protection]
        memory.mmap(*place, kind, flags | MAP_FIXED, on.disk, offset * PAGE)

    return call


def _on_range(function: Callable[[int, int], Any]) -> Callable[..., None]:
    """A call on address and size."""

    def call(on: MoreOperations, page: int, count: int) -> None:
        function(on.at(page), count * PAGE)

    return call


def _on_pages(function: Callable[[int, int], int]) -> Callable[..., None]:
    """A call that touches so many pages, and says how far it came."""

    def call(on: MoreOperations, page: int, count: int) -> None:
        if function(on.at(page), count) < count:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))

    return call


def _process_madvise(  # noqa: PLR0917 - as in the file
    on: MoreOperations, page: int, count: int, other: int, others: int, advice: str
) -> int:
    spans = [(on.at(page), count * PAGE), (on.at(other), others * PAGE)]
    return calls.process_madvise(spans, ADVICE[advice]) // PAGE


def _remap_file_pages(on: MoreOperations, page: int, count: int, offset: int) -> None:
    calls.remap_file_pages(on.at(page), count * PAGE, offset)


def _fallocate(on: MoreOperations, offset: int, count: int) -> None:
    calls.fallocate(on.file, 0, offset * PAGE, count * PAGE)


def _fsync(on: MoreOperations) -> None:
    os.fsync(on.disk)


def _mem_write(on: MoreOperations, page: int, count: int) -> None:
    for number in range(count):
        os.pwrite(on.memory, b"x", on.at(page + number))


def _mbind(on: MoreOperations, page: int, count: int, policy: str) -> None:
    mode, nodes = _POLICIES[policy]
    calls.mbind(on.at(page), count * PAGE, mode, nodes, calls.MPOL_MF_MOVE)


def _move_pages(on: MoreOperations, page: int, count: int) -> int:
    return calls.move_pages([on.at(page + number) for number in range(count)], 0)


def _shmat(on: MoreOperations, page: int, protection: str) -> None:
    read_only = calls.SHM_RDONLY if protection == "r" else 0
    calls.shmat(on.segment, on.at(page), calls.SHM_REMAP | read_only)


def _shmdt(on: MoreOperations, page: int) -> None:
    calls.shmdt(on.at(page))


def _brk(on: MoreOperations, before: int, after: int) -> None:
    calls.move_brk(on.base, on.at(before), on.at(after))


def _clear_refs(on: MoreOperations, what: int) -> None:
    with open("/proc/self/clear_refs", "wb", buffering=0) as file:
        file.write(str(what).encode())


def _pagemap_scan_wp(on: MoreOperations, page: int, count: int) -> None:
    with Pagemap() as pagemap:
        pagemap.write_protect(on.at(page), on.at(page + count))


def _spawn(on: MoreOperations) -> None:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", ":"], {})
    os.waitpid(pid, 0)


def _uffd_register(on: MoreOperations, page: int, count: int, mode: str) -> None:
    on.userfaultfd.register(on.at(page), count * PAGE, _MODES[mode])


def _uffd_unregister(on: MoreOperations, page: int, count: int) -> None:
    on.userfaultfd.unregister(on.at(page), count * PAGE)


def _uffd_protect(protected: bool) -> Callable[..., None]:
    def call(on: MoreOperations, page: int, count: int) -> None:
        on.userfaultfd.write_protect(on.at(page), count * PAGE, protected)

    return call


def _uffd_copy(on: MoreOperations, page: int, count: int) -> None:
    on.userfaultfd.copy(on.at(page), on.source, count * PAGE)


def _uffd_zeropage(on: MoreOperations, page: int, count: int) -> None:
    on.userfaultfd.zero_page(on.at(page), count * PAGE)


def _uffd_move(on: MoreOperations, page: int, count: int, target: int) -> None:
    on.userfaultfd.move(on.at(target), on.at(page), count * PAGE)


def _uprobe(on: MoreOperations, page: int) -> None:
    on.probes.append(open_uprobe(f"/proc/self/fd/{on.file}", page * PAGE))


def _uprobe_end(on: MoreOperations) -> None:
    if not on.probes:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    os.close(on.probes.pop())


MORE: dict[str, Callable[..., int | None]] = {
    "mmap_populate": _map_as(MAP_FIXED | MAP_POPULATE),
    "mmap_locked": _map_as(MAP_FIXED | MAP_LOCKED),
    "mmap_noreplace": _map_as(MAP_FIXED_NOREPLACE),
    "mmap_disk_shared": _map_disk(MAP_SHARED),
    "mmap_disk_private": _map_disk(MAP_PRIVATE),
    "msync": _on_range(calls.msync),
    "fsync": _fsync,
    "fallocate": _fallocate,
    "mincore": _on_range(calls.mincore),
    "mseal": _on_range(calls.mseal),
    "process_madvise": _process_madvise,
    "remap_file_pages": _remap_file_pages,
    "process_vm_writev": _on_pages(calls.vm_write),
    "process_vm_readv": _on_pages(calls.vm_read),
    "mem_write": _mem_write,
    "mbind": _mbind,
    "move_pages": _move_pages,
    "shmat": _shmat,
    "shmdt": _shmdt,
    "brk": _brk,
    "clear_refs": _clear_refs,
    "pagemap_scan_wp": _pagemap_scan_wp,
    "spawn": _spawn,
    "uffd_register": _uffd_register,
    "uffd_unregister": _uffd_unregister,
    "uffd_wp": _uffd_protect(True),
    "uffd_unwp": _uffd_protect(False),
    "uffd_copy": _uffd_copy,
    "uffd_zeropage": _uffd_zeropage,
    "uffd_move": _uffd_move,
    "uprobe": _uprobe,
    "uprobe_end": _uprobe_end,
}
"""by name"""
