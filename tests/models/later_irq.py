"""Interrupts, and locks that handlers take: right models with their twins."""

from __future__ import annotations

from shootdown import (
    Flag,
    Int,
    Irq,
    Model,
    Mutex,
    Spinlock,
    Timer,
    Work,
    cancel_work_sync,
    disable_irq,
    disable_irq_nosync,
    enable_irq,
    free_irq,
    mod_timer,
    raise_irq,
    rest,
    schedule_work,
    synchronize_irq,
    thread,
    wait_until,
)


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
