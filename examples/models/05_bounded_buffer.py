"""Wait for room, take the lock, look again. Expected verdict: holds."""

from shootdown import Array, Flag, Int, Model, Mutex, thread, wait_until

SIZE = 1


class Buffer(Model):
    """Two producers, and a consumer that may wait for ever: a daemon."""

    def __init__(self):
        self.lock = Mutex()
        self.count = Int(0, SIZE)
        self.full = Array(Flag, SIZE)

    def put(self):
        while True:
            wait_until(self.count < SIZE)
            with self.lock:
                if self.count < SIZE:
                    self.full[self.count] = True
                    self.count += 1
                    return

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
