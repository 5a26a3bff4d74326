"""Timers: each right model with a twin that is wrong in one place."""

from __future__ import annotations

from shootdown import (
    Flag,
    Model,
    Mutex,
    Spinlock,
    Timer,
    del_timer,
    del_timer_sync,
    mod_timer,
    thread,
    timer_shutdown_sync,
)


class Periodic(Model):
    """A timer that arms itself, and somebody else who arms it too."""

    def __init__(self):
        self.timer = Timer(self.tick)
        self.lock = Spinlock()
        self.freed = Flag()

    def tick(self):
        with self.lock:
            assert not self.freed, "the timer uses what was freed"
        mod_timer(self.timer)

    @thread
    def user(self):
        mod_timer(self.timer)

    @thread
    def stop(self):
        timer_shutdown_sync(self.timer)
        self.freed = True


class PeriodicDeleted(Periodic):
    """Between del_timer_sync() and the end somebody arms it again."""

    def stop(self):
        del_timer_sync(self.timer)
        self.freed = True


class StoppedAfterUser(Model):
    """Nobody else arms it any more; the handler arms itself, which del_timer_sync() copes with."""

    def __init__(self):
        self.timer = Timer(self.tick)
        self.freed = Flag()

    def tick(self):
        assert not self.freed, "the timer uses what was freed"
        mod_timer(self.timer)

    @thread
    def user(self):
        mod_timer(self.timer)
        del_timer_sync(self.timer)
        self.freed = True


class StoppedWhileRunning(StoppedAfterUser):
    """del_timer() does not wait for the handler, which then arms the timer again."""

    def user(self):
        mod_timer(self.timer)
        del_timer(self.timer)
        self.freed = True


class StopsWithLock(Periodic):
    """Waits for the handler with the lock that the handler takes."""

    def stop(self):
        with self.lock.bh():
            del_timer_sync(self.timer)


class HandlerSleeps(StoppedAfterUser):
    """A timer's handler takes a Mutex."""

    def __init__(self):
        super().__init__()
        self.mutex = Mutex()

    def tick(self):
        with self.mutex:
            pass
