"""A grace period that begins before the old version is out of reach. Expected: violated."""

from shootdown import Array, Flag, Int, Model, thread, wait_until

READERS = 2


class Rcu(Model):
    """A reader that comes after the wait, and before the replacement, is waited for by nobody."""

    def __init__(self):
        self.current = Int(0, 1)
        self.freed = Array(Flag, 2)
        self.reading = Array(Flag, READERS)

    def synchronize_rcu(self):
        for reader in range(READERS):
            wait_until(not self.reading[reader])

    @thread(READERS)
    def reader(self, me):
        for _ in range(2):
            self.reading[me] = True
            seen = self.current
            assert not self.freed[seen], "nobody reads what was freed"
            self.reading[me] = False

    @thread
    def updater(self):
        old = self.current
        self.synchronize_rcu()
        self.current = 1 - old
        self.freed[old] = True
