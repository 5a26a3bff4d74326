"""A ring buffer for one producer and one consumer, without a lock. Expected verdict: holds."""

from shootdown import Array, Counter, Int, Model, thread

SIZE, ITEMS = 2, 5


class Ring(Model):
    """Each index has one writer. A slot is filled before the index says so, and emptied before."""

    def __init__(self):
        self.slots = Array(Int(0, ITEMS), SIZE)
        self.head = Counter()
        self.tail = Counter()

    @thread
    def producer(self):
        for item in range(1, ITEMS + 1):
            while self.head - self.tail == SIZE:
                pass
            self.slots[self.head % SIZE] = item
            self.head += 1

    @thread
    def consumer(self):
        for expected in range(1, ITEMS + 1):
            while self.head == self.tail:
                pass
            assert self.slots[self.tail % SIZE] == expected, "items come whole and in order"
            self.tail += 1
