"""A queue without a lock between its two ends; producers take turns. Expected: holds."""

from shootdown import Array, Flag, Int, Model, Queue, Spinlock, thread, wait_until

PRODUCERS = 2


class Mailbox(Model):
    """A kfifo needs no lock for one producer and one consumer; two producers need one."""

    def __init__(self):
        self.queue = Queue(Int(0, PRODUCERS), capacity=PRODUCERS)
        self.lock = Spinlock()
        self.seen = Array(Flag, PRODUCERS)

    @thread(PRODUCERS)
    def producer(self, me):
        with self.lock:
            assert self.queue.put(1 + me), "there is room for one letter each"

    @thread
    def consumer(self):
        for _ in range(PRODUCERS):
            wait_until(not self.queue.is_empty())
            found, letter = self.queue.get()
            assert found and letter > 0, "what is taken was put there"
            self.seen[letter - 1] = True
        assert all(self.seen[n] for n in range(PRODUCERS)), "every letter arrives"
