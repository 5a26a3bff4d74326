"""Two producers fill the same slot of a queue. Expected: violated."""

from shootdown import Array, Flag, Int, Model, Queue, thread, wait_until

PRODUCERS = 2


class Mailbox(Model):
    """Both read the index before either has moved it: a letter is lost, and waited for."""

    def __init__(self):
        self.queue = Queue(Int(0, PRODUCERS), capacity=PRODUCERS)
        self.seen = Array(Flag, PRODUCERS)

    @thread(PRODUCERS)
    def producer(self, me):
        assert self.queue.put(1 + me), "there is room for one letter each"

    @thread
    def consumer(self):
        for _ in range(PRODUCERS):
            wait_until(not self.queue.is_empty())
            found, letter = self.queue.get()
            assert found and letter > 0, "what is taken was put there"
            self.seen[letter - 1] = True
        assert all(self.seen[n] for n in range(PRODUCERS)), "every letter arrives"
