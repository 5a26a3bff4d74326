"""Forked copies of a process with a region, which do what they are told.

A child waits for orders, acts in an address space of its own, and ends when there are no more
orders, or when nobody is there any more to give them.
"""

from __future__ import annotations

import ast
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from shootdown.live.calls import process_mrelease
from shootdown.live.programs import Operation

SHELL = "/bin/sh"
EXECUTE = "execute"


class Child:
    """Forked with `Child(…)`, told what to do, and ended in one way or the other."""

    def __init__(self, prepare: Callable[[], None], perform: Callable[[Operation], int]) -> None:
        """The child first prepares, then performs what it is told."""
        here, there = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(here[1])
            os.close(there[0])
            _obey(prepare, perform, here[0], there[1])
        os.close(here[0])
        os.close(there[1])
        self._orders, self._answers = here[1], there[0]

    def do(self, operation: Operation) -> int:
        """Its result."""
        os.write(self._orders, (repr(operation) + "\n").encode())
        return int(os.read(self._answers, 64))

    def forget(self) -> None:
        """No more orders."""
        os.close(self._orders)
        os.close(self._answers)

    def end(self) -> None:
        """It exits."""
        self.forget()
        os.waitpid(self.pid, 0)

    def execute(self) -> None:
        """It becomes another program, which ends at once."""
        os.write(self._orders, (repr((EXECUTE,)) + "\n").encode())
        self.end()

    def kill(self) -> None:
        """It is killed, and its memory given back by us, if it does not do so first."""
        fd = os.pidfd_open(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        with suppress(OSError):
            process_mrelease(fd)
        os.close(fd)
        self.end()


def _obey(
    prepare: Callable[[], None], perform: Callable[[Operation], int], orders: int, answers: int
) -> None:
    """The child: until there are no more orders."""
    try:
        prepare()
        with os.fdopen(orders) as lines:
            for line in lines:
                operation = ast.literal_eval(line)
                if operation == (EXECUTE,):
                    os.execv(SHELL, [SHELL, "-c", ":"])
                os.write(answers, str(perform(operation)).encode())
    finally:
        os._exit(0)
