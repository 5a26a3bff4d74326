"""Small models, each about one thing that a check has to get right."""

from __future__ import annotations

from shootdown import (
    Array,
    Counter,
    Flag,
    Int,
    Model,
    Mutex,
    Part,
    Spinlock,
    Work,
    cancel_work_sync,
    require,
    thread,
    wait_until,
)
from shootdown.rules.rule import Rule


class Silent(Model):
    """Asserts nothing."""

    def __init__(self):
        self.n = Int(0, 2)

    @thread(2)
    def adder(self, me):
        self.n += 1


class NeverAsserts(Silent):
    """Has an assertion that no run reaches."""

    @thread
    def judge(self):
        if self.n == 3:
            assert self.n == 0


class AlwaysOne(Rule):
    name, sentence = "always-one", "the number is one"


ALWAYS_ONE = AlwaysOne()


class HasARule(Model):
    """Judged by a rule of its own."""

    def __init__(self):
        self.n = Int(0, 2, 1)

    @thread
    def judge(self):
        require(self.n == 1, ALWAYS_ONE)


class CountsToTwenty(Model):
    """Needs five bits; the narrowest counter has three."""

    def __init__(self):
        self.count = Counter()

    @thread
    def counter(self):
        for _ in range(20):
            self.count += 1
        assert self.count == 20


class CountsForEver(Model):
    """No counter is wide enough."""

    def __init__(self):
        self.count = Counter()

    @thread
    def counter(self):
        while True:
            self.count += 1


class AssertsTwice(Model):
    """The first one holds."""

    def __init__(self):
        self.n = Int(0, 1)

    @thread(2)
    def judge(self, me):
        assert self.n <= 1, "the first is true"
        self.n = me
        assert self.n == me, "the second is false"


class Waits(Model):
    """Somebody waits for what never comes."""

    def __init__(self):
        self.go = Flag()

    @thread
    def waiter(self):
        wait_until(self.go)


class DaemonWaits(Waits):
    """The same, but it may."""

    @thread(daemon=True)
    def waiter(self):
        wait_until(self.go)


class DaemonTakesTwoLocks(Model):
    """A daemon that waits for a lock for ever is a deadlock all the same."""

    def __init__(self):
        self.locks = [Mutex(), Mutex()]

    def both(self, first, second):
        with self.locks[first], self.locks[second]:
            pass

    @thread(daemon=True)
    def upwards(self):
        self.both(0, 1)

    @thread(daemon=True)
    def downwards(self):
        self.both(1, 0)


class Gate(Part):
    """A part of a model, with state of its own."""

    def __init__(self):
        self.open = Flag()


class Gated(Model):
    """State of parts goes by the name of the part; of the model, by its own."""

    def __init__(self):
        self.gate = Gate()
        self.passed = Array(Flag, 2)

    @thread(2)
    def task(self, me):
        self.gate.open = True
        self.passed[me] = self.gate.open
        assert not (self.passed[0] and self.passed[1])


class Base(Model):
    """One thread, which a subclass overrides without saying again that it is one."""

    def __init__(self):
        self.n = Int(0, 1)

    @thread
    def run(self):
        self.n = 1


class Overrides(Base):
    """Still a thread."""

    def run(self):
        assert self.n == 1


class SleepsUnderASpinlock(Model):
    """Waits for a work item where nothing may wait."""

    def __init__(self):
        self.lock = Spinlock()
        self.n = Int(0, 1)
        self.work = Work(self.later)

    def later(self):
        self.n = 0

    @thread
    def remove(self):
        with self.lock:
            self.n = 1
            cancel_work_sync(self.work)
