"""Take the lock, then wait for room: nobody can make any. Expected verdict: violated."""

from shootdown import Array, Flag, Int, Model, Mutex, thread, wait_until

SIZE = 1


class Buffer(Model):
    """The consumer needs the lock to take something out."""

    def __init__(self):
        self.lock = Mutex()
        self.count = Int(0, SIZE)
        self.full = Array(Flag, SIZE)

    def put(self):
        with self.lock:
            wait_until(self.count < SIZE)
            self.full[self.count] = True
            self.count += 1

    @thread(2)
    def producer(self, me):
        for _ in range(2):
            self.put()

    @thread(daemon=True)
    def consumer(self):
        while True:
            wait_until(self.count > 0)
            with self.lock:
                self.count -= 1
                assert self.full[self.count], "what is taken out was put in"
                self.full[self.count] = False
