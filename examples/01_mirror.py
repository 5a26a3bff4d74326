"""A device with page tables of its own, kept in step. Expected verdict: holds."""

from shootdown import EMPTY, Counter, Driver, Mutex, PerPage, Pte


class Mirror(Driver):
    """A device with page tables of its own, kept in step by a sequence count and retry."""

    def __init__(self, mm):
        super().__init__(mm)
        self.lock = Mutex()
        self.sequence = Counter()
        self.invalidating = Counter()
        self.table = PerPage(Pte)

    def invalidate_range_start(self, range):
        with self.lock:
            self.invalidating += 1
            for page in range:
                self.table[page] = EMPTY
        self.device.flush(range)

    def invalidate_range_end(self, range):
        with self.lock:
            self.sequence += 1
            self.invalidating -= 1

    def device_fault(self, page, write):
        while True:
            seen = self.sequence
            pte = self.mm.fault_in(page, write)
            with self.lock:
                if self.invalidating or self.sequence != seen:
                    continue
                self.table[page] = pte
                return
