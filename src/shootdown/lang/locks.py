"""Locks. Each is a state variable that `with` takes and gives back."""

from __future__ import annotations

from contextlib import AbstractContextManager

from shootdown.lang.actions import NotCompiledError
from shootdown.lang.declaration import Declaration


class Lock(Declaration):
    """What all locks share. Held for the length of a `with` block."""

    def __enter__(self) -> None:
        raise NotCompiledError

    def __exit__(self, *unused: object) -> None:
        raise NotCompiledError


class Spinlock(Lock):
    """Mutual exclusion without sleeping.

    One that a handler takes needs `irqsave` or `bh` everywhere else, else it breaks the rule
    `interrupted-lock` (`lang.contexts`).
    """

    def __init__(self) -> None:
        super().__init__("lock")

    def irqsave(self) -> AbstractContextManager[None]:
        """`with lock.irqsave():`  spin_lock_irqsave() … spin_unlock_irqrestore()"""
        raise NotCompiledError

    def bh(self) -> AbstractContextManager[None]:
        """`with lock.bh():`  spin_lock_bh() … spin_unlock_bh(): softirqs are off"""
        raise NotCompiledError


class Mutex(Lock):
    """Mutual exclusion; the owner may sleep."""

    sleeps = True

    def __init__(self) -> None:
        super().__init__("lock")


class SharedLock(Declaration):
    """What locks with readers share: many readers or one writer."""

    def __init__(self) -> None:
        super().__init__("rwlock")

    def read(self) -> AbstractContextManager[None]:
        """`with lock.read():`  down_read() … up_read(), read_lock() … read_unlock()"""
        raise NotCompiledError

    def write(self) -> AbstractContextManager[None]:
        """`with lock.write():`  down_write() … up_write(), write_lock() … write_unlock()"""
        raise NotCompiledError


class RwLock(SharedLock):
    """rwlock_t: many readers or one writer, without sleeping.

    Readers get in while a writer waits. Linux lets a reader in interrupt context do so, and may
    make others queue (kernel/locking/qrwlock.c), which removes runs and never adds one.
    """


class RwSemaphore(SharedLock):
    """Many readers or one writer. No fairness: a waiting writer does not hold up readers.

    Linux's rwsem hands the lock over in order of arrival as long as it can (kernel/locking/
    rwsem.c), which removes runs and never adds one, so what holds here holds there.
    """

    sleeps = True

    def downgrade(self) -> None:
        """downgrade_write(): from here on held for reading. Only directly inside `with write()`."""
        raise NotCompiledError
