"""A device with page tables of its own, kept in step by an interval notifier (Linux 5.5 on): holds.

The sequence says whether a range has hit the interval since the entry was read. Leave out `set_seq`
or `read_retry`, or read the entry before the sequence, and a freed page stays mapped.
"""

from shootdown import EMPTY, Driver, MmuIntervalNotifier, Mutex, PerPage, Pte


class Interval(Driver):
    def __init__(self, mm):
        super().__init__(mm)
        self.lock = Mutex()
        self.table = PerPage(Pte)
        self.notifier = MmuIntervalNotifier(self)

    def invalidate(self, interval, range, cur_seq):
        if not range.blockable:
            return False
        with self.lock:
            interval.set_seq(cur_seq)
            for page in range:
                self.table[page] = EMPTY
            self.device.flush(range)
        return True

    def device_fault(self, page, write):
        seq = self.notifier.read_begin()
        pte = self.mm.fault_in(page, write)
        with self.lock:
            if not self.notifier.read_retry(seq):
                self.table[page] = pte
