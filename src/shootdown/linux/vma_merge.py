"""Splitting and merging VMAs: mm/vma.c of 6.18.

A VMA is split where a change concerns a part of it, and merged with a neighbour that is like it
when it is made, changed, moved or extended; never otherwise. Every boundary that appears inside an
aligned block of a page table's size which the old VMA covered runs vma_adjust_trans_huge(), and
that announces the whole block, huge page or not (`split_huge_pmd_address`).

VMAs of a forked child, whose chain of anon_vmas is longer than one, do not merge in Linux
(vma_had_uncowed_parents()); children modelled here only unmap and write, so this is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from shootdown.lang.declare import PageRange
from shootdown.linux.notifiers.range import Event, MmuNotifierRange
from shootdown.linux.vma import ANONYMOUS, NO_ANON_VMA, NOWHERE, SEGMENT, Vmas


@dataclass(frozen=True, slots=True)
class Traits:
    """What two VMAs must have in common to become one: is_mergeable_vma()."""

    rights: int
    flags: int
    file: int


# --- splitting ----------------------------------------------------------------------------------


def split_vma(vmas: Vmas, vma: PageRange, page: int) -> None:
    """__split_vma(): from now on a VMA begins with this page, unless one does already."""
    if vma.start < page < vma.end:
        split_huge_pmd_if_needed(vmas, vma, page)
        vmas.begins[page] = True
        vmas.link_file(page)
        vmas.link_file(vma.start)


def split_huge_pmd_if_needed(vmas: Vmas, vma: PageRange, page: int) -> None:
    """split_huge_pmd_if_needed(), mm/huge_memory.c: a boundary inside a block of the VMA."""
    entries = vmas.mm.entries
    first = page // entries * entries
    if page != first and vma.start <= first and first + entries <= vma.end:
        split_huge_pmd_address(vmas, first)


def split_huge_pmd_address(vmas: Vmas, first: int) -> None:
    """split_huge_pmd_address(): mm_find_pmd() looks whether the block has an upper table;
    __split_huge_pmd() then announces the block before it looks for a huge page."""
    mm = vmas.mm
    if mm.huge is not None and mm.upper_populated(first):
        mm.huge.split(PageRange(first, first + mm.entries))
    elif mm.upper_populated(first):
        announced = MmuNotifierRange(first, first + mm.entries, Event.CLEAR, "__split_huge_pmd")
        mm.notifiers.invalidate_range_start(announced)
        mm.notifiers.invalidate_range_end(announced)


# --- merging ------------------------------------------------------------------------------------


def _is_like(vmas: Vmas, page: int, traits: Traits) -> bool:
    """The page is mapped, by a VMA with these traits."""
    return (
        vmas.is_mapped(page)
        and vmas.mm.vma[page] == traits.rights
        and vmas.flags[page] == traits.flags
        and vmas.file[page] == traits.file
    )


def _may_share(one: int, other: int) -> bool:
    """is_mergeable_anon_vma(): at most one of them has an anon_vma, or it is the same."""
    return NO_ANON_VMA in (one, other) or one == other


def _can_merge_left(vmas: Vmas, page: int, traits: Traits, offset: int, anon_vma: int) -> bool:
    """can_vma_merge_left(): the VMA before this page, with what is to begin with it."""
    before = page - 1
    if not _is_like(vmas, before, traits):
        return False
    return vmas.offset[before] + 1 == offset and _may_share(vmas.anon_vma[before], anon_vma)


def _can_merge_right(vmas: Vmas, page: int, traits: Traits, offset: int, anon_vma: int) -> bool:
    """can_vma_merge_right(): the VMA that begins with this page, with what is to end there."""
    if not _is_like(vmas, page, traits):
        return False
    return vmas.offset[page] == offset and _may_share(vmas.anon_vma[page], anon_vma)


def _may_be_removed(vmas: Vmas, page: int) -> bool:
    """can_merge_remove_vma(): a VMA of a segment wants to be told when it ends (shm_close()), so it
    may grow by merging but not disappear."""
    return vmas.file[page] != SEGMENT


def _first_of(one: int, two: int, three: int) -> int:
    """The first anon_vma there is."""
    if one != NO_ANON_VMA:
        return one
    if two != NO_ANON_VMA:
        return two
    return three


def vma_modify(vmas: Vmas, vma: PageRange, range: PageRange, rights: int, flags: int) -> None:
    """vma_modify(): part of a VMA gets these rights and flags: merge if possible, else split.

    Breakpoints are looked for after each split, or the merge (vma_complete()): where the VMA goes
    on to be one, then in what was split off, which still has its old rights; or in what it was
    merged into.
    """
    traits = Traits(rights, flags, vmas.file[vma.start])
    merged = _merge_or_split(vmas, vma, range, traits)
    first, second, third = NOWHERE, NOWHERE, NOWHERE
    if merged:
        _set_traits(vmas, range, rights, flags)
        first, second = vmas.find(range.start), vma
    elif range.start > vma.start:
        first, second = PageRange(range.start, vma.end), PageRange(vma.start, range.start)
        if range.end < vma.end:
            third = first
    elif range.end < vma.end:
        first, second = PageRange(vma.start, range.end), PageRange(range.end, vma.end)
    vmas.uprobe_mmap(first, second, third)
    if not merged:
        _set_traits(vmas, range, rights, flags)


def _set_traits(vmas: Vmas, range: PageRange, rights: int, flags: int) -> None:
    for page in range:
        vmas.mm.vma[page] = rights
        vmas.flags[page] = flags


def _merge_or_split(vmas: Vmas, vma: PageRange, range: PageRange, traits: Traits) -> bool:
    """vma_merge_existing_range(), and the splits if that did nothing. Whether it did anything."""
    own = vmas.anon_vma[vma.start]
    if range == vma and not _may_be_removed(vmas, vma.start):
        return False
    left = range.start == vma.start and _can_merge_left(
        vmas, range.start, traits, vmas.offset[range.start], own
    )
    right = range.end == vma.end and _can_merge_right(
        vmas, range.end, traits, vmas.offset[range.end - 1] + 1, own
    )
    if left and right:
        right = _may_share(vmas.anon_vma[range.start - 1], vmas.anon_vma[range.end])
    if left:
        _join_left(vmas, vma, range, right)
    elif right:
        _join_right(vmas, vma, range)
    else:
        split_vma(vmas, vma, range.start)
        split_vma(vmas, PageRange(range.start, vma.end), range.end)
    return left or right


def _join_left(vmas: Vmas, vma: PageRange, range: PageRange, right: bool) -> None:
    """The VMA before extends over the range, and over the one behind it."""
    before, end = range.start - 1, range.end
    behind = NO_ANON_VMA
    if range.end < vma.end:
        split_vma(vmas, vma, range.end)
    elif right:
        behind = vmas.anon_vma[range.end]
        end = vmas.end_of(range.end)
        vmas.begins[range.end] = False
    vmas.begins[range.start] = False
    anon_vma = _first_of(vmas.anon_vma[before], behind, vmas.anon_vma[range.start])
    vmas.unite(PageRange(vmas.start_of(before), end), anon_vma)
    vmas.link_file(before)


def _join_right(vmas: Vmas, vma: PageRange, range: PageRange) -> None:
    """The VMA behind extends down over the range."""
    split_vma(vmas, vma, range.start)
    vmas.begins[range.end] = False
    anon_vma = _first_of(vmas.anon_vma[range.end], vmas.anon_vma[range.start], NO_ANON_VMA)
    vmas.unite(PageRange(range.start, vmas.end_of(range.end)), anon_vma)
    vmas.link_file(range.start)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a VMA that is copied hands on without having to have it in common."""

    anon_vma: int = NO_ANON_VMA
    maybe_guard: bool = False


def insert_vma(vmas: Vmas, range: PageRange, traits: Traits, offset: int, origin: Origin) -> None:
    """vma_merge_new_range(), else a new VMA: over a range where nothing is mapped."""
    anon_vma = origin.anon_vma
    size = range.end - range.start
    left = _can_merge_left(vmas, range.start, traits, offset, anon_vma)
    right = _can_merge_right(vmas, range.end, traits, offset + size, anon_vma)
    if left and right:
        right = _may_be_removed(vmas, range.end) and _may_share(
            vmas.anon_vma[range.start - 1], vmas.anon_vma[range.end]
        )
    for page in range:
        vmas.mm.vma[page] = traits.rights
        vmas.flags[page] = traits.flags
        vmas.file[page] = traits.file
        vmas.offset[page] = offset + (page - range.start)
        vmas.anon_vma[page] = anon_vma
        vmas.maybe_guard[page] = origin.maybe_guard
    if not left:
        vmas.begins[range.start] = True
    if right:
        vmas.begins[range.end] = False
    if left or right:
        _unite(vmas, range, left, right, anon_vma)
    vmas.link_file(range.start)


def _unite(vmas: Vmas, range: PageRange, left: bool, right: bool, anon_vma: int) -> None:
    """dup_anon_vma(): all of the merged VMA has the one anon_vma there is."""
    before = NO_ANON_VMA
    if left:
        before = vmas.anon_vma[range.start - 1]
    behind = NO_ANON_VMA
    if right:
        behind = vmas.anon_vma[range.end]
    whole = vmas.find(range.start)
    vmas.unite(whole, _first_of(before, behind, anon_vma))


# --- anon_vma -----------------------------------------------------------------------------------


def anon_vma_prepare(vmas: Vmas, page: int) -> None:
    """__anon_vma_prepare(), mm/rmap.c: the VMA of the page gets an anon_vma before its first
    anonymous page, that of a neighbour if they could be merged (find_mergeable_anon_vma())."""
    if vmas.anon_vma[page] != NO_ANON_VMA:
        return
    vma = vmas.find(page)
    found = NO_ANON_VMA
    if _anon_vma_compatible(vmas, vma.end):
        found = vmas.anon_vma[vma.end]
    if found == NO_ANON_VMA and _anon_vma_compatible(vmas, vma.start):
        found = vmas.anon_vma[vma.start - 1]
    if found == NO_ANON_VMA:
        vmas.anon_vmas += 1
        found = vmas.anon_vmas
    vmas.set_anon_vma(vma, found)


def _anon_vma_compatible(vmas: Vmas, page: int) -> bool:
    """anon_vma_compatible() for the VMAs on both sides of a boundary: all but the rights."""
    if not vmas.is_mapped(page - 1) or not vmas.is_mapped(page):
        return False
    return (
        vmas.file[page - 1] == vmas.file[page]
        and vmas.flags[page - 1] == vmas.flags[page]
        and vmas.offset[page - 1] + 1 == vmas.offset[page]
    )


def fresh_offset(page: int, file: int, offset: int) -> int:
    """vm_pgoff of a mapping: of anonymous memory its own place."""
    if file == ANONYMOUS:
        return page
    return offset
