"""The work is taken off its queue, but nobody waits until it has returned. Expected: violated."""

from shootdown import Flag, Model, Mutex, Work, cancel_work, schedule_work, thread


class Removal(Model):
    """cancel_work() does not wait: the work that runs goes on, and finds the device gone."""

    def __init__(self):
        self.work = Work(self.reset)
        self.lock = Mutex()
        self.removing = Flag()
        self.freed = Flag()

    def reset(self):
        with self.lock:
            assert not self.freed, "nobody uses the device after it was freed"
            if not self.removing:
                schedule_work(self.work)

    def interrupt(self):
        schedule_work(self.work)

    @thread
    def remove(self):
        self.interrupt()
        with self.lock:
            self.removing = True
        cancel_work(self.work)
        with self.lock:
            self.freed = True
