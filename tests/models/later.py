"""Small models of what runs later: each right one with a twin that is wrong in one place."""

from __future__ import annotations

from shootdown import (
    Flag,
    Int,
    Irq,
    Model,
    Mutex,
    Rcu,
    RcuHead,
    Spinlock,
    Timer,
    Work,
    call_rcu,
    cancel_work,
    cancel_work_sync,
    del_timer,
    del_timer_sync,
    disable_irq,
    disable_irq_nosync,
    enable_irq,
    flush_work,
    free_irq,
    mod_timer,
    raise_irq,
    rcu_barrier,
    rest,
    schedule_work,
    synchronize_irq,
    thread,
    timer_shutdown_sync,
    wait_until,
)

# --- work ---------------------------------------------------------------------------------------


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


# --- timers -------------------------------------------------------------------------------------


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


# --- RCU ----------------------------------------------------------------------------------------


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


# --- interrupts ---------------------------------------------------------------------------------


class Unbind(Model):
    """Hardware that raises its line whenever it likes."""

    def __init__(self):
        self.irq = Irq(self.handler)
        self.freed = Flag()

    def handler(self):
        assert not self.freed, "the handler uses what was freed"

    @thread(daemon=True)
    def hardware(self):
        while True:
            rest()
            raise_irq(self.irq)

    @thread
    def unbind(self):
        free_irq(self.irq)
        self.freed = True


class UnbindDisables(Unbind):
    """disable_irq() waits for the handler too."""

    def unbind(self):
        disable_irq(self.irq)
        self.freed = True


class UnbindWithoutWaiting(Unbind):
    """The handler may be running."""

    def unbind(self):
        disable_irq_nosync(self.irq)
        self.freed = True


class UnbindOnlyWaits(Unbind):
    """The handler may run again."""

    def unbind(self):
        synchronize_irq(self.irq)
        self.freed = True


class UnbindNested(Unbind):
    """Disabled twice, enabled once: still disabled."""

    def unbind(self):
        disable_irq(self.irq)
        disable_irq(self.irq)
        enable_irq(self.irq)
        self.freed = True


class Unbalanced(Unbind):
    """Enabled once more than disabled."""

    def unbind(self):
        disable_irq(self.irq)
        enable_irq(self.irq)
        enable_irq(self.irq)


class Pending(Model):
    """Raised while it is disabled, its handler runs when it is enabled."""

    def __init__(self):
        self.irq = Irq(self.handler)
        self.handled = Flag()

    def handler(self):
        self.handled = True

    @thread
    def user(self):
        disable_irq(self.irq)
        raise_irq(self.irq)
        assert not self.handled
        enable_irq(self.irq)
        wait_until(self.handled)


class NeverEnabled(Pending):
    """Waits for a handler that cannot run."""

    def user(self):
        disable_irq(self.irq)
        raise_irq(self.irq)
        wait_until(self.handled)


class BottomHalf(Unbind):
    """A handler that queues work, which may sleep."""

    def __init__(self):
        super().__init__()
        self.work = Work(self.handle_later)
        self.mutex = Mutex()

    def handler(self):
        schedule_work(self.work)

    def handle_later(self):
        with self.mutex:
            assert not self.freed, "work uses what was freed"

    def unbind(self):
        free_irq(self.irq)
        cancel_work_sync(self.work)
        self.freed = True


class BottomHalfFirst(BottomHalf):
    """Cancels the work before the handler can no longer queue it."""

    def unbind(self):
        cancel_work_sync(self.work)
        free_irq(self.irq)
        self.freed = True


class HandlerDisables(Unbind):
    """disable_irq() sleeps, and would wait for the handler that calls it."""

    def handler(self):
        disable_irq(self.irq)


# --- locks that handlers take -------------------------------------------------------------------


class SharedWithHandler(Model):
    """A counter that a handler, a timer and a thread change."""

    def __init__(self):
        self.irq = Irq(self.handler)
        self.timer = Timer(self.tick)
        self.lock = Spinlock()
        self.other = Spinlock()
        self.count = Int(0, 3)

    def add(self):
        self.count += 1

    def handler(self):
        with self.lock:
            self.add()

    def tick(self):
        with self.lock.irqsave():
            self.add()

    @thread
    def user(self):
        raise_irq(self.irq)
        mod_timer(self.timer)
        with self.lock.irqsave():
            self.add()

    @thread
    def judge(self):
        with self.lock.irqsave():
            assert self.count < 4


class HandlerInterruptsThread(SharedWithHandler):
    """Interrupts are on while the thread holds the lock."""

    def judge(self):
        with self.lock:
            assert self.count < 4


class HandlerInterruptsTimer(SharedWithHandler):
    """A hard interrupt comes while a softirq holds the lock."""

    def tick(self):
        with self.lock:
            self.add()


class OnlySoftirqsOff(SharedWithHandler):
    """That is not enough against a hard interrupt."""

    def judge(self):
        with self.lock.bh():
            assert self.count < 4


class OffFromOutside(SharedWithHandler):
    """Interrupts are off already."""

    def judge(self):
        with self.other.irqsave(), self.lock:
            assert self.count < 4


class SharedWithTimer(SharedWithHandler):
    """No hard interrupt: softirqs off is enough."""

    def tick(self):
        with self.lock:
            self.add()

    def user(self):
        mod_timer(self.timer)
        with self.lock.bh():
            self.add()

    def judge(self):
        with self.lock.irqsave():
            assert self.count < 4


class TimerInterruptsThread(SharedWithTimer):
    """Softirqs are on while the thread holds the lock."""

    def user(self):
        mod_timer(self.timer)
        with self.lock:
            self.add()
