"""A device goes away while its work may be queued or running. Expected: holds."""

from shootdown import Flag, Model, Mutex, Work, cancel_work_sync, schedule_work, thread


class Removal(Model):
    """An interrupt leaves the rest to a work item, which may sleep, and queue itself again."""

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
        cancel_work_sync(self.work)
        with self.lock:
            self.freed = True
