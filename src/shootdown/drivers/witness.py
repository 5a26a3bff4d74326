"""KVM, and a witness beside it that checks Linux: whether every change was announced (M1)."""

from __future__ import annotations

from shootdown.drivers.kvm import Kvm, KvmPages
from shootdown.lang.declare import PageRange
from shootdown.linux.mm import Mm
from shootdown.linux.witness import Witness


class KvmWitness(Kvm):
    """As from 4.13 on."""

    def __init__(self, mm: Mm) -> None:
        super().__init__(mm)
        self.witness = Witness(mm)

    def invalidate_range_start(self, range: PageRange) -> None:
        """The witness first."""
        self.witness.begins(range)
        super().invalidate_range_start(range)

    def invalidate_range_end(self, range: PageRange) -> None:
        """The witness last."""
        super().invalidate_range_end(range)
        self.witness.ends(range)

    def release(self) -> None:
        """Nothing more is promised."""
        super().release()
        self.witness.ends_for_good()


class KvmPagesWitness(KvmWitness, KvmPages):
    """Up to 4.12, where single pages are told by invalidate_page."""

    def invalidate_page(self, page: int) -> None:
        """As good as a start and an end."""
        super().invalidate_page(page)
        self.witness.told(page)
