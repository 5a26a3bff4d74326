"""del_timer_sync() lets others arm the timer again. Expected: violated."""

from shootdown import Flag, Model, Timer, del_timer_sync, mod_timer, thread


class Watchdog(Model):
    """A request that comes after del_timer_sync() arms it: the handler runs too late."""

    def __init__(self):
        self.timer = Timer(self.expired)
        self.freed = Flag()

    def expired(self):
        assert not self.freed, "the handler runs only while there is something to watch"
        mod_timer(self.timer)

    @thread
    def request(self):
        mod_timer(self.timer)

    @thread
    def close(self):
        del_timer_sync(self.timer)
        self.freed = True
