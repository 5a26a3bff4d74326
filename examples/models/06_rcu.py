"""Replace, wait until everybody who may have seen the old has left, free. Expected: holds."""

from shootdown import Array, Flag, Int, Model, thread, wait_until

READERS = 2


class Rcu(Model):
    """Two versions of a thing; readers use whichever is current, and do not wait."""

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
        self.current = 1 - old
        self.synchronize_rcu()
        self.freed[old] = True
