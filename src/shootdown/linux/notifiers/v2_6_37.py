"""2.6.37: hugetlb copy-on-write is announced, which had been forgotten (B15).

Source: commit 3edd4fc9537d (id and version from memory); mm/hugetlb.c of 2.6.28 without it and of
3.10 with it.
"""

from __future__ import annotations

from shootdown.linux.notifiers import v2_6_32


class Notifiers(v2_6_32.Notifiers):
    """A guest no longer keeps the huge page that its process has copied."""

    since = (2, 6, 37)
    hugetlb_copy_is_announced = True
