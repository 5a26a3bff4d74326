"""Protocols that go on for ever, right ones and ones that get nowhere. `TRUTHS` says which."""

from __future__ import annotations

from shootdown import (
    Array,
    Counter,
    Flag,
    Int,
    Model,
    Mutex,
    RwSemaphore,
    indivisible,
    progress,
    thread,
    wait_until,
    xchg,
)


class Peterson(Model):
    """Whoever wants to go in goes in after the other at the latest."""

    def __init__(self):
        self.wants = Array(Flag, 2)
        self.turn = Int(0, 1)

    @thread(2)
    def process(self, me):
        other = 1 - me
        while True:
            self.wants[me] = True
            self.turn = other
            while self.wants[other] and self.turn == other:
                pass
            progress()
            self.wants[me] = False


class Polite(Model):
    """Whoever sees that the other wants to go in takes a step back, and both may for ever."""

    def __init__(self):
        self.wants = Array(Flag, 2)

    @thread(2)
    def process(self, me):
        while True:
            self.wants[me] = True
            if self.wants[1 - me]:
                self.wants[me] = False
                continue
            progress()
            self.wants[me] = False


class TestAndSet(Model):
    """Somebody always gets in, perhaps always the same one."""

    __test__ = False

    def __init__(self):
        self.taken = Flag()

    @thread(2)
    def process(self, me):
        while True:
            while xchg(self.taken, True):
                pass
            progress()
            self.taken = False


class Ticket(Model):
    """A lock that serves in the order of arrival. Numbers go round, as two can wait at most."""

    def __init__(self):
        self.next_ticket = Int(0, 2)
        self.now_serving = Int(0, 2)

    @indivisible
    def take_ticket(self):
        ticket = self.next_ticket
        self.next_ticket = (ticket + 1) % 3
        return ticket

    @thread(2)
    def process(self, me):
        while True:
            ticket = self.take_ticket()
            while self.now_serving != ticket:
                pass
            progress()
            self.now_serving = (ticket + 1) % 3


class Locked(Model):
    """A lock of the kernel queues those who wait."""

    def __init__(self):
        self.lock = Mutex()
        self.uses = Int(0, 1)

    @thread(2)
    def process(self, me):
        while True:
            with self.lock:
                self.uses = 1 - self.uses
            progress()


class Buffer(Model):
    """A slot that a producer fills and a consumer empties, for ever."""

    def __init__(self):
        self.lock = Mutex()
        self.full = Flag()

    @thread
    def producer(self):
        while True:
            wait_until(not self.full)
            with self.lock:
                self.full = True
            progress()

    @thread(daemon=True)
    def consumer(self):
        while True:
            wait_until(self.full)
            with self.lock:
                self.full = False


class ForgottenBuffer(Buffer):
    """The consumer waits for what cannot be: only the producer's polling is left."""

    @thread
    def producer(self):
        while True:
            if not self.full:
                self.full = True
                progress()

    @thread(daemon=True)
    def consumer(self):
        while True:
            wait_until(self.full and not self.full)


class Seqlock(Model):
    """A reader that starts again whenever a writer was there, and a writer that always is."""

    def __init__(self):
        self.sequence = Int(0, 3)

    @thread
    def writer(self):
        while True:
            self.sequence = (self.sequence + 1) % 4
            self.sequence = (self.sequence + 1) % 4
            progress()

    @thread
    def reader(self):
        while True:
            begin = self.sequence
            if begin % 2 == 0 and self.sequence == begin:
                return


class Window(Model):
    """One opens and shuts a window; the other can only act while it is open, and may miss it."""

    def __init__(self):
        self.shut = Flag()
        self.done = Flag()

    @thread
    def opener(self):
        while not self.done:
            self.shut = True
            self.shut = False

    @thread
    def passer(self):
        wait_until(not self.shut)
        self.done = True


class Polling(Model):
    """One asks until the other is done, who can be at any time."""

    def __init__(self):
        self.done = Flag()

    @thread
    def poller(self):
        while not self.done:
            pass

    @thread
    def worker(self):
        self.done = True


class Readers(Model):
    """Readers that overlap keep a writer out for ever: this semaphore does not hold them up."""

    def __init__(self):
        self.sem = RwSemaphore()
        self.value = Int(0, 1)

    @thread(2)
    def reader(self, me):
        while True:
            with self.sem.read():
                assert self.value < 2
                progress()

    @thread
    def writer(self):
        with self.sem.write():
            self.value = 1


class Retry(Model):
    """Two that each start again when the other has moved since it looked, and move to say so."""

    def __init__(self):
        self.version = Counter()
        self.busy = Flag()

    @thread(2)
    def updater(self, me):
        while True:
            if xchg(self.busy, True):
                continue
            self.busy = False
            if not self.busy:
                return


TRUTHS: dict[type[Model], tuple[str | None, str | None]] = {
    Peterson: (None, None),
    Polite: ("no-progress", "no-progress"),
    TestAndSet: (None, "starvation"),
    Ticket: (None, None),
    Locked: (None, None),
    Buffer: (None, None),
    ForgottenBuffer: ("no-progress", "no-progress"),
    Seqlock: (None, "starvation"),
    Window: ("no-progress", "no-progress"),
    Polling: (None, None),
    Readers: (None, "starvation"),
    Retry: ("no-progress", "no-progress"),
}
"""the rule that is broken if somebody, and if everybody, is to get something done for ever"""
