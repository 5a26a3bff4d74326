"""Twins for `check --races`: the same thing with and without a data race."""

from __future__ import annotations

from shootdown import (
    READ_ONCE,
    WRITE_ONCE,
    Array,
    Atomic,
    Flag,
    Int,
    Model,
    Mutex,
    RwLock,
    SeqCount,
    Srcu,
    atomic_inc,
    indivisible,
    thread,
    wait_until,
)


class Plain(Model):
    """Two add to a number."""

    def __init__(self):
        self.n = Int(0, 4)
        self.lock = Mutex()
        self.rwlock = RwLock()

    @thread(2)
    def adder(self, me):
        self.n += 1


class Locked(Plain):
    """Under a lock."""

    def adder(self, me):
        with self.lock:
            self.n += 1


class HalfLocked(Plain):
    """One of them forgets the lock."""

    def adder(self, me):
        if me == 0:
            with self.lock:
                self.n += 1
        else:
            self.n += 1


class ReadLocked(Plain):
    """Both hold the lock, for reading."""

    def adder(self, me):
        with self.rwlock.read():
            self.n += 1


class OneWriteLocked(Plain):
    """Who writes holds it for writing."""

    def adder(self, me):
        if me == 0:
            with self.rwlock.write():
                self.n += 1
        else:
            with self.rwlock.read():
                seen = self.n  # noqa: F841


class Marked(Plain):
    """Loses updates, but no compiler may make it worse."""

    def adder(self, me):
        WRITE_ONCE(self.n, READ_ONCE(self.n) + 1)


class HalfMarked(Plain):
    """The write is marked, the read is not."""

    def adder(self, me):
        WRITE_ONCE(self.n, self.n + 1)


class Counted(Plain):
    """An atomic operation."""

    def adder(self, me):
        atomic_inc(self.n)


class CountedAndRead(Plain):
    """An atomic operation beside a plain read."""

    def adder(self, me):
        if me == 0:
            atomic_inc(self.n)
        else:
            seen = self.n  # noqa: F841


class Declared(Plain):
    """The number is declared atomic."""

    def __init__(self):
        super().__init__()
        self.n = Atomic(Int(0, 4))


class OnlyRead(Plain):
    """Nobody writes."""

    def adder(self, me):
        seen = self.n  # noqa: F841


class OwnElements(Model):
    """Each has an element of its own."""

    def __init__(self):
        self.cells = Array(Flag, 2)

    def mine(self, me):
        return me

    @thread(2)
    def owner(self, me):
        self.cells[self.mine(me)] = True
        seen = self.cells[self.mine(me)]  # noqa: F841


class OthersElements(OwnElements):
    """Both have the same element."""

    def mine(self, me):
        return 0


class OnlyJudged(Model):
    """An assertion is no access of the system."""

    def __init__(self):
        self.n = Int(0, 1)

    @thread
    def writer(self):
        self.n = 1

    @thread
    def judge(self):
        assert self.n <= 1


class HandOver(Model):
    """The flag is marked, and whoever sees it set has what was written before to himself."""

    def __init__(self):
        self.data = Int(0, 1)
        self.ready = Flag()

    @thread
    def producer(self):
        self.data = 1
        self.publish()

    def publish(self):
        WRITE_ONCE(self.ready, True)

    @thread
    def consumer(self):
        wait_until(self.ready)
        self.data = 0


class HandOverTooEarly(HandOver):
    """The flag first."""

    def producer(self):
        self.publish()
        self.data = 1


class HandOverPlainly(HandOver):
    """What is waited for is written plainly."""

    def publish(self):
        self.ready = True


class Hardware(Model):
    """One step of hardware reads what is written plainly; the element it reads is chosen."""

    def __init__(self):
        self.table = Array(Flag, 2)
        self.register = Int(0, 1)

    @thread
    def driver(self):
        self.table[1] = True

    @thread
    def device(self):
        self.walk()

    @indivisible
    def walk(self):
        seen = self.table[self.register]  # noqa: F841


class HardwareElsewhere(Hardware):
    """The register leads to the other element in every run."""

    def driver(self):
        self.table[1] = True
        WRITE_ONCE(self.register, 0)


class HardwareLedThere(Hardware):
    """Somebody turns the register."""

    @thread
    def turner(self):
        WRITE_ONCE(self.register, 1)


class Sections(Model):
    """The parts of the language are made for concurrency."""

    def __init__(self):
        self.seq = SeqCount()
        self.srcu = Srcu()

    @thread
    def reader(self):
        start = self.seq.begin()
        with self.srcu.read():
            again = self.seq.retry(start)  # noqa: F841

    @thread
    def writer(self):
        with self.seq.write():
            pass
        self.srcu.synchronize()


class MarksALocalName(Plain):
    """Only state can be marked."""

    def adder(self, me):
        n = self.n
        WRITE_ONCE(n, 1)
