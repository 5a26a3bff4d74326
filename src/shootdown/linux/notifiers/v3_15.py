"""3.15: mprotect announces what is populated, from inside its walk.

Source: mm/mprotect.c of 3.16, change_pmd_range() calls start at the first populated entry and end
when it is through; flush_tlb_range() follows in change_protection_range(), after the end.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v3_10


class Notifiers(v3_10.Notifiers):
    """As before, but mprotect sends less, and its CPU flush comes after end."""

    since = (3, 15, 0)
    flushes_in_mprotect = False
    mprotect_skips_unpopulated = True
