"""A lock held over fault_in, and taken again by the callback it leads to. Expected: violated."""

from shootdown import EMPTY, Driver, Mutex, PerPage, Pte


class Mirror(Driver):
    """fault_in may copy a page, which notifies, which wants the lock: a deadlock with itself."""

    def __init__(self, mm):
        super().__init__(mm)
        self.lock = Mutex()
        self.table = PerPage(Pte)

    def invalidate_range_start(self, range):
        with self.lock:
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)

    def device_fault(self, page, write):
        with self.lock:
            self.table[page] = self.mm.fault_in(page, write)
