"""3.6: two orders repaired: release before unlinking, change_pte before the entry.

release used to run for a subscription that was already off the list, so that a truncation at the
same time told nobody while mappings were still alive (B17 a; commit 3ad3d901bbcf). And
set_pte_at_notify() let CPUs write the new page while secondary MMUs still read the old one (commit
48af0d7cb3c8; 3.6-rc, the version is from memory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shootdown.lang.declare import Pte
from shootdown.linux.notifiers import v2_6_38

if TYPE_CHECKING:
    from shootdown.linux.mm import Mm


class Notifiers(v2_6_38.Notifiers):
    """The secondary MMU changes first."""

    since = (3, 6, 0)

    def set_pte_at_notify(self, mm: Mm, page: int, pte: Pte) -> None:
        """First the call, then the entry: the page-table lock keeps everybody else out."""
        self.change_pte(page, pte)
        mm.pte[page] = pte
