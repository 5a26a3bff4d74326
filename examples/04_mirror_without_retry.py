"""Page tables of the device's own, filled without looking twice. Expected verdict: violated."""

from shootdown import EMPTY, Driver, Mutex, PerPage, Pte


class Mirror(Driver):
    """What fault_in found may be gone by the time it is installed."""

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
        pte = self.mm.fault_in(page, write)
        with self.lock:
            self.table[page] = pte
