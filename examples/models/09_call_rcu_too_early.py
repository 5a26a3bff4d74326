"""The callback is queued while readers can still find the old version. Expected: violated."""

from enum import Enum

from shootdown import EnumState, Flag, Model, Rcu, RcuHead, call_rcu, thread


class Route(Enum):
    """What readers find."""

    OLD = 0
    NEW = 1


class Routes(Model):
    """A reader that comes after call_rcu() is not waited for, and still finds the old one."""

    def __init__(self):
        self.rcu = Rcu()
        self.head = RcuHead(self.rcu, self.free)
        self.current = EnumState(Route)
        self.freed = Flag()

    def free(self):
        self.freed = True

    @thread(2)
    def reader(self, me):
        with self.rcu.read():
            if self.current == Route.OLD:
                assert not self.freed, "nobody reads what was freed"

    @thread
    def updater(self):
        call_rcu(self.head)
        self.current = Route.NEW
