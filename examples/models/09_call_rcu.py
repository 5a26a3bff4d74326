"""Take it out of reach, then free it when all who may have seen it have left. Expected: holds."""

from enum import Enum

from shootdown import EnumState, Flag, Model, Rcu, RcuHead, call_rcu, thread


class Route(Enum):
    """What readers find."""

    OLD = 0
    NEW = 1


class Routes(Model):
    """Readers use whatever is current; the old one is freed by a callback."""

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
        self.current = Route.NEW
        call_rcu(self.head)
