"""struct mmu_notifier_range: what an operation announces, and why.

Since 5.0 callbacks get one structure (ac46d4f3c432), since 5.2 with an event and flags
(bf198b2b34bf, 6f4f13e8d9e2). Here it is there in every generation: older ones just do not look at
it. Event, site, flag and owner are known while compiling, so a driver that asks for them pays
nothing and one that does not is not touched by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shootdown.lang.declare import PageRange


class Event(Enum):
    """enum mmu_notifier_event, include/linux/mmu_notifier.h."""

    UNMAP = "unmap"
    """munmap() or mremap(): the range goes away"""
    CLEAR = "clear"
    """entries are cleared, or come to name another page"""
    PROTECTION_VMA = "protection-vma"
    """the protection of a VMA, or a part of it, changes"""
    PROTECTION_PAGE = "protection-page"
    """the protection of pages changes, that of their VMA does not"""
    SOFT_DIRTY = "soft-dirty"
    """entries are made read-only to see who writes"""
    RELEASE = "release"
    """the address space goes away: for interval notifiers"""
    MIGRATE = "migrate"
    """device migration begins (5.9): whoever is `owner` may ignore it"""
    EXCLUSIVE = "exclusive"
    """a device gets exclusive access (5.14): whoever is `owner` may ignore it"""


@dataclass(frozen=True, slots=True)
class MmuNotifierRange(PageRange):
    """Pages `start` to before `end`, and what is happening to them."""

    event: Event
    site: str
    """the kernel function that announces it, as a call chain of Linux 6.18 shows it"""
    blockable: bool = True
    """MMU_NOTIFIER_RANGE_BLOCKABLE: callbacks may sleep (4.19)"""
    owner: object = None
    """whose migration or exclusive access this is (5.9)"""
