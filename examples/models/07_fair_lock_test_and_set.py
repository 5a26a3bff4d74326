"""A lock that one can miss for ever, by test and set. With --starvation, expected: violated."""

from shootdown import Flag, Int, Model, progress, thread, xchg

THREADS = 2


class TestAndSetLock(Model):
    """Whenever one looks, the other may just be inside again. Somebody always gets in."""

    def __init__(self):
        self.taken = Flag()
        self.inside = Int(0, THREADS)

    @thread(THREADS)
    def customer(self, me):
        while True:
            while xchg(self.taken, True):
                pass
            self.inside += 1
            assert self.inside == 1, "one customer at a time is served"
            progress()
            self.inside -= 1
            self.taken = False
