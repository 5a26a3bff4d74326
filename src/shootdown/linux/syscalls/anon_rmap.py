"""From an anonymous page to the VMAs that may have it: rmap_walk_anon(), mm/rmap.c of 6.18."""

from __future__ import annotations

from shootdown.linux.i_mmap import BEFORE_ALL
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.syscalls.process import Process
from shootdown.linux.vma import Vmas


def try_others_first(process: Process, page: int, site: str) -> None:
    """VMAs of one anon_vma may cover the same offset, because one was moved and grew, or left
    something behind. They are tried in the order of the interval tree, by their first offset and
    then by place, up to the one that has the page; those before it are announced in vain."""
    mm, vmas = process.mm, process.vmas
    own, index = vmas.start_of(page), vmas.offset[page]
    offset, place = BEFORE_ALL, BEFORE_ALL
    first = _next(vmas, page, offset, place)
    while first != own:
        other = first + (index - vmas.offset[first])
        announced = MmuNotifierRange(other, other + 1, Event.CLEAR, site)
        mm.notifiers.invalidate_range_start(announced)
        mm.notifiers.invalidate_range_end(announced)
        offset, place = vmas.offset[first], first
        first = _next(vmas, page, offset, place)


def _next(vmas: Vmas, page: int, offset: int, place: int) -> int:
    """The first page of the VMA that comes after this offset and place. That of the page itself
    comes at some time."""
    found = vmas.start_of(page)
    for each in vmas.used:
        if vmas.offset[each] == vmas.offset[page] and vmas.anon_vma[each] == vmas.anon_vma[page]:
            start = vmas.start_of(each)
            if _is_behind(vmas, start, offset, place):
                if not _is_behind(vmas, start, vmas.offset[found], found):
                    found = start
    return found


def _is_behind(vmas: Vmas, start: int, offset: int, place: int) -> bool:
    if vmas.offset[start] != offset:
        return vmas.offset[start] > offset
    return start > place
