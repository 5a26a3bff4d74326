"""What goes with an entry that moves to another place of the page table: move_pte(), mm/mremap.c.

An entry is one word, and everything in it moves; here its parts are kept apart. mremap() moves all
kinds of entries: those of pages in swap space or on their way keep naming the same page. The
soft-dirty bit is set, so that whoever looks for writes notices that something else is there now
(move_soft_dirty_pte(), 3.13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.linux.swap import Swap
from shootdown.linux.swapops import NONE, SWAP, SwapEntries

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


def move_entry_bits(mm: Mm, page: int, target: int) -> None:
    """Beside what hardware sees (`Mm.pte`), which the caller moves under the same lock."""
    if mm.dirty_bits is not None:
        mm.dirty_bits.dirty[target] = mm.dirty_bits.dirty[page]
    if mm.young is not None:
        mm.young.accessed[target] = mm.young.accessed[page]
    if mm.userfaultfd is not None:
        mm.userfaultfd.wp[target] = mm.userfaultfd.wp[page]
        mm.userfaultfd.wp[page] = False
    if mm.soft_dirty is not None:
        mm.soft_dirty.dirty[target] = True
    if mm.swap_entries is not None:
        _move_swap_entry(mm.swap_entries, mm.swap, page, target)


def _move_swap_entry(entries: SwapEntries, swap: Swap | None, page: int, target: int) -> None:
    """A page in swap space takes its place there along, since each page of the address space has
    one of its own (`linux.swap`)."""
    kind = entries.kind[page]
    if kind != NONE:
        if swap is not None and kind == SWAP:
            swap.move_place(page, target)
        entries.set(target, kind, entries.clear(page))
