"""4.5: a huge page is split under start and end.

The new reference counting of huge pages lets one be mapped by small entries in one address space
and by a huge one in another. Source: __split_huge_pmd(), mm/huge_memory.c (the version is from
memory; seen in 4.10).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v4_3


class Notifiers(v4_3.Notifiers):
    """Splitting is announced."""

    since = (4, 5, 0)
    split_is_announced = True
