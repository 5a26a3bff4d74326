"""A lock before which both step back for ever. With --liveness, expected verdict: violated."""

from shootdown import Array, Flag, Int, Model, progress, thread

THREADS = 2


class PoliteLock(Model):
    """Who sees that the other wants to go in lets it, and tries again: both at the same time."""

    def __init__(self):
        self.wants = Array(Flag, THREADS)
        self.inside = Int(0, THREADS)

    @thread(THREADS)
    def customer(self, me):
        other = 1 - me
        while True:
            self.wants[me] = True
            if self.wants[other]:
                self.wants[me] = False
                continue
            self.inside += 1
            assert self.inside == 1, "one customer at a time is served"
            progress()
            self.inside -= 1
            self.wants[me] = False
