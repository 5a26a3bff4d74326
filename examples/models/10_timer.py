"""A watchdog is shut down while others still arm it. Expected: holds."""

from shootdown import Flag, Model, Timer, mod_timer, thread, timer_shutdown_sync


class Watchdog(Model):
    """Every request arms the timer, and so does its own handler."""

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
        timer_shutdown_sync(self.timer)
        self.freed = True
