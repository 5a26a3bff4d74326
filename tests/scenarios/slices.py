"""Models in which some steps have nothing to do with what goes wrong."""

from __future__ import annotations

from shootdown import Array, Flag, Int, Model, Mutex, RwSemaphore, thread, wait_until


class Bystander(Model):
    """`noise` is written before the assertion breaks, and read by nobody who matters."""

    def __init__(self):
        self.ready = Flag()
        self.n = Int(0, 1)
        self.noise = Array(Int(0, 3), 2)

    @thread
    def writer(self):
        self.noise[0] = 1
        self.noise[1] = 2
        self.noise[0] = 3
        self.n = 1
        self.ready = True

    @thread
    def judge(self):
        wait_until(self.ready)
        self.noise[1] = 0
        assert self.n == 0, "nobody writes n"


class Decides(Model):
    """What is written does not depend on `mode`; that it is written does."""

    def __init__(self):
        self.mode = Int(0, 1)
        self.n = Int(0, 1)

    @thread
    def setter(self):
        self.mode = 1

    @thread
    def worker(self):
        if self.mode == 1:
            self.n = 1

    @thread
    def judge(self):
        assert self.n == 0


class Meets(Model):
    """Both ways through the `if` come to where n is written."""

    def __init__(self):
        self.mode = Int(0, 1)
        self.seen = Int(0, 1)
        self.n = Int(0, 1)

    @thread
    def setter(self):
        self.mode = 1

    @thread
    def worker(self):
        if self.mode == 1:
            self.seen = 1
        self.n = 1

    @thread
    def judge(self):
        assert self.n == 0


class Sections(Model):
    """The first section only keeps others out; the second is where n is written."""

    def __init__(self):
        self.lock = Mutex()
        self.n = Int(0, 1)
        self.noise = Int(0, 3)
        self.done = Flag()

    @thread
    def writer(self):
        with self.lock:
            self.noise = 1
        with self.lock:
            self.noise = 2
        with self.lock:
            self.n = 1
        self.done = True

    @thread
    def judge(self):
        wait_until(self.done)
        with self.lock:
            self.noise = 3
        assert self.n == 0


class WritesInVain(Model):
    """The cache is cleared while it is empty, and filled afterwards."""

    def __init__(self):
        self.cache = Array(Int(0, 1), 2)
        self.cleared = Flag()

    @thread
    def owner(self):
        self.cache[0] = 0
        self.cleared = True

    @thread
    def reader(self):
        wait_until(self.cleared)
        assert self.cache[0] == 1, "it was filled before"


class Downgrades(Model):
    """The reader gets in after the downgrade."""

    def __init__(self):
        self.sem = RwSemaphore()
        self.n = Int(0, 1)
        self.m = Int(0, 1)

    @thread
    def writer(self):
        with self.sem.write():
            self.n = 1
            self.sem.downgrade()
            wait_until(self.m == 1)
            assert self.n == 0

    @thread
    def reader(self):
        with self.sem.read():
            wait_until(self.n == 1)
            self.m = 1


class Stuck(Model):
    """Opposite locks; a third thread has run to its end before."""

    def __init__(self):
        self.a = Mutex()
        self.b = Mutex()
        self.noise = Array(Int(0, 1), 2)

    @thread
    def one(self):
        self.noise[0] = 1
        self.noise[1] = 1
        with self.a, self.b:
            pass

    @thread
    def other(self):
        with self.b, self.a:
            pass

    @thread
    def third(self):
        self.noise[0] = 0


class PublishedEarly(Model):
    """Nobody wrote what the assertion reads, because `ready` said that it was there."""

    def __init__(self):
        self.lock = Mutex()
        self.ready = Flag()
        self.value = Int(0, 1)

    @thread(2)
    def user(self, me):
        if not self.ready:
            with self.lock:
                if not self.ready:
                    self.ready = True
                    self.value = 1
        assert self.value == 1, "used before it is there"
