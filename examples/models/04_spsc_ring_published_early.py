"""A ring buffer whose producer moves the index before it fills the slot. Expected: violated."""

from shootdown import Array, Counter, Int, Model, thread

SIZE, ITEMS = 2, 5


class Ring(Model):
    """The consumer takes what the index promises."""

    def __init__(self):
        self.slots = Array(Int(0, ITEMS), SIZE)
        self.head = Counter()
        self.tail = Counter()

    @thread
    def producer(self):
        for item in range(1, ITEMS + 1):
            while self.head - self.tail == SIZE:
                pass
            self.head += 1
            self.slots[(self.head - 1) % SIZE] = item

    @thread
    def consumer(self):
        for expected in range(1, ITEMS + 1):
            while self.head == self.tail:
                pass
            assert self.slots[self.tail % SIZE] == expected, "items come whole and in order"
            self.tail += 1
