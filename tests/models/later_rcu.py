"""RCU and its callbacks: each right model with a twin that is wrong in one place."""

from __future__ import annotations

from shootdown import (
    Flag,
    Int,
    Model,
    Rcu,
    RcuHead,
    call_rcu,
    rcu_barrier,
    thread,
)


class Replace(Model):
    """Two versions of something; the old one is freed after a grace period."""

    def __init__(self):
        self.rcu = Rcu()
        self.head = RcuHead(self.rcu, self.free)
        self.current = Int(0, 1)
        self.freed = Flag()

    def free(self):
        self.freed = True

    @thread
    def reader(self):
        with self.rcu.read():
            if self.current == 0:
                assert not self.freed, "a reader uses the version that was freed"

    @thread
    def writer(self):
        self.current = 1
        call_rcu(self.head)


class ReplaceTooEarly(Replace):
    """A reader that comes after call_rcu() still finds the old version."""

    def writer(self):
        call_rcu(self.head)
        self.current = 1


class ReplaceOutsideReader(Replace):
    """Uses the version after it has left."""

    def reader(self):
        with self.rcu.read():
            current = self.current
        if current == 0:
            assert not self.freed, "a reader uses the version that was freed"


class ReplaceNested(Replace):
    """Only leaving the outermost section ends it."""

    def reader(self):
        with self.rcu.read():
            current = self.current
            with self.rcu.read():
                pass
            if current == 0:
                assert not self.freed


class ReplaceWaiting(Replace):
    """synchronize() instead of a callback."""

    def writer(self):
        self.current = 1
        self.rcu.synchronize()
        self.freed = True


class ReplaceWaitingTooEarly(Replace):
    """Waits before the old version is out of reach."""

    def writer(self):
        self.rcu.synchronize()
        self.current = 1
        self.freed = True


class ReaderWaits(Replace):
    """A reader would wait for itself."""

    def reader(self):
        with self.rcu.read():
            self.rcu.synchronize()


class CalledTwice(Replace):
    """One head, two callbacks."""

    def writer(self):
        call_rcu(self.head)
        call_rcu(self.head)


class Unload(Model):
    """A module waits for its callbacks before its code goes away."""

    def __init__(self):
        self.rcu = Rcu()
        self.heads = [RcuHead(self.rcu, self.free), RcuHead(self.rcu, self.free)]
        self.unloaded = Flag()

    def free(self):
        assert not self.unloaded, "a callback runs in a module that is gone"

    @thread
    def reader(self):
        with self.rcu.read():
            pass

    @thread
    def module(self):
        for head in self.heads:
            call_rcu(head)
        rcu_barrier(self.rcu)
        self.unloaded = True


class UnloadWithoutBarrier(Unload):
    """A grace period has ended, but callbacks may still run."""

    def module(self):
        for head in self.heads:
            call_rcu(head)
        self.rcu.synchronize()
        self.unloaded = True
