"""Work items: each right model with a twin that is wrong in one place."""

from __future__ import annotations

from shootdown import (
    Flag,
    Int,
    Model,
    Mutex,
    Spinlock,
    Work,
    cancel_work,
    cancel_work_sync,
    flush_work,
    schedule_work,
    thread,
    wait_until,
)


class Remove(Model):
    """A device that is removed while its work may be queued."""

    def __init__(self):
        self.work = Work(self.reset)
        self.gone = Flag()
        self.freed = Flag()

    def reset(self):
        assert not self.freed, "work uses a device that was freed"

    @thread
    def interrupt(self):
        if not self.gone:
            schedule_work(self.work)
        self.gone = True

    @thread
    def remove(self):
        wait_until(self.gone)
        cancel_work_sync(self.work)
        self.freed = True


class RemoveWithoutCancel(Remove):
    """Nothing waits for the work."""

    def remove(self):
        wait_until(self.gone)
        self.freed = True


class RemoveCancelsWithoutSync(Remove):
    """Takes it off the queue, but it may be running."""

    def remove(self):
        wait_until(self.gone)
        cancel_work(self.work)
        self.freed = True


class RemoveTooEarly(Remove):
    """It can be queued after it was cancelled."""

    def remove(self):
        cancel_work_sync(self.work)
        self.freed = True


class Polls(Model):
    """Work that queues itself again."""

    def __init__(self):
        self.work = Work(self.poll)
        self.freed = Flag()

    def poll(self):
        assert not self.freed, "work uses a device that was freed"
        schedule_work(self.work)

    @thread
    def user(self):
        schedule_work(self.work)
        cancel_work_sync(self.work)
        self.freed = True


class PollsFlushed(Polls):
    """flush_work() waits for one run, and returns although the next is queued."""

    def user(self):
        schedule_work(self.work)
        flush_work(self.work)
        self.freed = True


class CancelsItself(Polls):
    """The function waits for its own end."""

    def poll(self):
        cancel_work_sync(self.work)


class OneAtATime(Model):
    """Whoever queues it, however often: it never runs twice at the same time."""

    def __init__(self):
        self.work = Work(self.run_alone)
        self.inside = Int(0, 2)

    def run_alone(self):
        self.inside += 1
        assert self.inside == 1
        self.inside -= 1

    @thread(2)
    def user(self, me):
        schedule_work(self.work)
        schedule_work(self.work)


class RunsAgain(Model):
    """What is queued after the data is written sees the data, even if the work was running."""

    def __init__(self):
        self.work = Work(self.handle)
        self.written = Flag()
        self.seen = Flag()

    def handle(self):
        if self.written:
            self.seen = True

    @thread
    def user(self):
        schedule_work(self.work)
        self.written = True
        schedule_work(self.work)
        flush_work(self.work)
        assert self.seen


class QueuedTooEarly(RunsAgain):
    """Queued before the data is written."""

    def user(self):
        schedule_work(self.work)
        self.written = True
        flush_work(self.work)
        assert self.seen


class FlushWithLock(Model):
    """Waits for work with the lock that the work takes."""

    def __init__(self):
        self.work = Work(self.handle)
        self.lock = Mutex()

    def handle(self):
        with self.lock:
            pass

    @thread
    def user(self):
        schedule_work(self.work)
        with self.lock:
            flush_work(self.work)


class FlushAfterLock(FlushWithLock):
    """Gives the lock back first."""

    def user(self):
        schedule_work(self.work)
        with self.lock:
            pass
        flush_work(self.work)


class CancelReleasesFlush(FlushWithLock):
    """Who waits for work that is taken off the queue goes on; two may cancel at a time."""

    def user(self):
        schedule_work(self.work)
        flush_work(self.work)

    @thread(2)
    def canceller(self, me):
        cancel_work(self.work)
        cancel_work_sync(self.work)


class FlushWithSpinlock(FlushWithLock):
    """flush_work() sleeps."""

    def __init__(self):
        super().__init__()
        self.spin = Spinlock()

    def user(self):
        schedule_work(self.work)
        with self.spin:
            flush_work(self.work)


class CancelWithSpinlock(FlushWithSpinlock):
    """cancel_work() does not."""

    def user(self):
        with self.spin:
            schedule_work(self.work)
            cancel_work(self.work)


class MutexWithSpinlock(FlushWithSpinlock):
    """A Mutex puts to sleep whoever waits for it."""

    def user(self):
        with self.spin, self.lock:
            pass


class SpinlockWithMutex(FlushWithSpinlock):
    """This way round it is right."""

    def user(self):
        with self.lock, self.spin:
            pass
