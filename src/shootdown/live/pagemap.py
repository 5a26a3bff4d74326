"""What is mapped where: /proc/PID/pagemap, and its PAGEMAP_SCAN (Linux 6.7).

An entry of 64 bits for each page tells whether there is one and of what kind; PAGEMAP_SCAN finds
regions by category and knows more (huge pages, the zero page). Neither changes anything, and no
mmu_notifier notices, but for the scan that also write-protects
(Documentation/admin-guide/mm/pagemap.rst).
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import re
import struct
from dataclasses import dataclass
from enum import IntFlag

from shootdown.live.descriptor import Descriptor
from shootdown.live.errors import MissingMeansError, is_refusal
from shootdown.live.system import ioctl

PAGE = mmap.PAGESIZE
_SCAN = 0xC0606610
_ARGUMENT = struct.Struct("=12Q")
_REGION = struct.Struct("=QQQ")
_REGIONS = 256
"""found in one call"""

_WP_MATCHING = 1

_FRAME = (1 << 55) - 1


class PageFlag(IntFlag):
    """Bits of a pagemap entry."""

    SOFT_DIRTY = 1 << 55
    EXCLUSIVE = 1 << 56
    UFFD_WP = 1 << 57
    GUARD = 1 << 58
    FILE = 1 << 61
    SWAP = 1 << 62
    PRESENT = 1 << 63


FLAGS = sum(flag.value for flag in PageFlag)
"""the bits of an entry that are flags"""


def pack_flags(flags: PageFlag) -> int:
    """Flags in one byte: bits 56 to 63 of an entry, of which 59 and 60 are none, with SOFT_DIRTY
    (bit 55) in the place of bit 59."""
    return flags >> 56 | (_PACKED_DIRTY if PageFlag.SOFT_DIRTY in flags else 0)


_PACKED_DIRTY = 1 << 3
_HIGH = bytes(byte & 0b11100111 for byte in range(256))
_SOFT_DIRTY = bytes(_PACKED_DIRTY if byte & 0x80 else 0 for byte in range(256))
"""bits 56 to 63 and bits 48 to 55 of an entry, to packed flags"""

_run = re.compile(rb"([^\0])\1*", re.DOTALL)


class Category(IntFlag):
    """What PAGEMAP_SCAN tells pages apart by."""

    WP_ALLOWED = 1 << 0
    WRITTEN = 1 << 1
    FILE = 1 << 2
    PRESENT = 1 << 3
    SWAPPED = 1 << 4
    ZERO = 1 << 5
    HUGE = 1 << 6
    SOFT_DIRTY = 1 << 7
    GUARD = 1 << 8


NONE = Category(0)
TOLD = Category.FILE | Category.PRESENT | Category.SWAPPED | Category.ZERO | Category.HUGE
"""categories that a scan tells of unless asked otherwise"""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page of the address space."""

    flags: PageFlag
    frame: int
    """page frame number; 0 without CAP_SYS_ADMIN, or for a page that is not present"""

    @property
    def present(self) -> bool:
        """In memory, and mapped by the page table."""
        return PageFlag.PRESENT in self.flags


@dataclass(frozen=True, slots=True)
class Region:
    """Pages in a row of the same categories; from `start` to before `end`, in bytes."""

    start: int
    end: int
    categories: Category


def decode_entry(value: int) -> PageEntry:
    """An entry of pagemap."""
    flags = PageFlag(value & FLAGS)
    frame = value & _FRAME if PageFlag.PRESENT in flags else 0
    return PageEntry(flags, frame)


class Pagemap(Descriptor):
    """The page tables of one process, read only."""

    def __init__(self, pid: int | None = None) -> None:
        """Of this process, unless another is named.

        Raises:
            MissingMeansError: if that may not be looked at.
            ProcessLookupError: if there is no such process.
        """
        name = "self" if pid is None else str(pid)
        try:
            self.fd = os.open(f"/proc/{name}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            if os.path.exists(f"/proc/{name}"):
                raise MissingMeansError(
                    "this kernel has no pagemap",
                    "to see what is mapped",
                    "use a kernel built with CONFIG_PROC_PAGE_MONITOR",
                ) from error
            raise ProcessLookupError(errno.ESRCH, f"there is no process {name}") from error
        except OSError as error:
            if is_refusal(error):
                raise MissingMeansError(
                    f"the right to look at process {name} (CAP_SYS_PTRACE)",
                    "to see what it maps",
                    "run as its owner or as root",
                ) from error
            raise

    def entries(self, start: int, count: int) -> list[PageEntry]:
        """So many pages from an address on; fewer where the address space ends."""
        return [decode_entry(value) for value in self.values(start, count)]

    def values(self, start: int, count: int) -> tuple[int, ...]:
        """The same as they stand in the file, for many pages: `decode_entry` reads them."""
        data = os.pread(self.fd, count * 8, start // PAGE * 8)
        whole = len(data) // 8
        return struct.unpack(f"={whole}Q", data[: whole * 8])

    def runs(self, start: int, count: int) -> list[tuple[int, int, int]]:
        """Of so many pages from an address on those with flags: first, end and flags, packed as
        `pack_flags` does, of pages in a row with the same ones, counted from the address."""
        data = os.pread(self.fd, count * 8, start // PAGE * 8)
        flags = data[7::8].translate(_HIGH)
        dirty = data[6::8].translate(_SOFT_DIRTY)
        if any(dirty):
            both = int.from_bytes(flags, "big") | int.from_bytes(dirty, "big")
            flags = both.to_bytes(len(flags), "big")
        return [(*match.span(), match[0][0]) for match in _run.finditer(flags)]

    def scan(
        self,
        start: int,
        end: int,
        wanted: Category = Category.PRESENT,
        told: Category = TOLD,
        *,
        any_of: Category = NONE,
    ) -> list[Region]:
        """The regions of pages with all of the categories `wanted`, and one of `any_of` if there
        are some, in order.

        Raises:
            MissingMeansError: before Linux 6.7.
        """
        found: list[Region] = []
        vector = ctypes.create_string_buffer(_REGIONS * _REGION.size)
        while start < end:
            count, start = self._scan((start, end), (wanted, any_of, told | wanted), vector)
            rows = _REGION.iter_unpack(vector.raw[: count * _REGION.size])
            found += [Region(first, last, Category(bits)) for first, last, bits in rows]
        return found

    def write_protect(self, start: int, end: int) -> None:
        """PAGEMAP_SCAN with PM_SCAN_WP_MATCHING: pages that are present are write-protected for
        userfaultfd, where that is asynchronous. This is what mmu_notifiers notice.

        Raises:
            MissingMeansError: before Linux 6.7.
        """
        vector = ctypes.create_string_buffer(_REGIONS * _REGION.size)
        masks = (Category.PRESENT, NONE, Category.PRESENT)
        while start < end:
            _, start = self._scan((start, end), masks, vector, _WP_MATCHING)

    def _scan(
        self,
        span: tuple[int, int],
        masks: tuple[Category, Category, Category],
        vector: ctypes.Array[ctypes.c_char],
        flags: int = 0,
    ) -> tuple[int, int]:
        """How many regions one call found, and how far it came. struct pm_scan_arg: size, flags,
        start, end, walk_end, vec, vec_len, max_pages, category_inverted, category_mask,
        category_anyof_mask, return_mask."""
        values = (_ARGUMENT.size, flags, *span, 0, ctypes.addressof(vector), _REGIONS, 0, 0)
        packed = _ARGUMENT.pack(*values, *masks)
        argument = ctypes.create_string_buffer(packed, len(packed))
        try:
            count = ioctl(self.fd, _SCAN, ctypes.addressof(argument))
        except OSError as error:
            if error.errno == errno.ENOTTY:
                raise MissingMeansError(
                    "this kernel has no PAGEMAP_SCAN",
                    "to find pages by category",
                    "use Linux 6.7 or newer, or `entries`",
                ) from error
            raise
        return count, int(_ARGUMENT.unpack(argument.raw)[4])
