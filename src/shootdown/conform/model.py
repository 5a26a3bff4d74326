"""What a model of Linux has to offer to be held against the kernel.

A model performs a whole program, one operation after the other, as a kernel would do it in a fresh
process, and says what every operation did. It is asked for nothing else, and sees nothing of what
the kernel did.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Protocol

from shootdown.live.programs import Observed, Operation, Program


class UnsupportedOperationError(Exception):
    """A model does not know an operation: what it has to say ends before it.

    The program is then compared up to there, and counted as one that was not compared to its end.
    It can be pickled.
    """

    def __init__(self, number: int, operation: Operation, reason: str = "") -> None:
        """`number` of the operation in its program; `reason` if it is known otherwise, as
        `of a huge page`."""
        super().__init__(number, operation, reason)
        self.number = number
        self.operation = operation
        self.reason = reason

    def __str__(self) -> str:
        words = " ".join(map(str, self.operation))
        return f"`{words}` (operation {self.number}) is not modelled{self._because()}"

    def _because(self) -> str:
        return f": {self.reason}" if self.reason else ""


class ProgramModel(Protocol):
    """A model of Linux that can perform programs."""

    def perform(self, program: Program) -> tuple[Observed, ...]:
        """What every operation does, in a fresh process: as many as there are operations.

        Raises:
            UnsupportedOperationError: at the first operation that the model does not know.
        """
        ...


def load_model() -> ProgramModel:
    """The model of Linux that comes with shootdown, ready to perform: whoever forks afterwards has
    it compiled once. Imported here and nowhere else: it is heavy."""
    model: ProgramModel = import_module("shootdown.conform.machine").Machine()
    with suppress(Exception):  # what is wrong with it shows in the first program that is compared
        model.perform(Program(0, "", 0x200000000000, 1, (("mmap_anon", 0, 1, "rw"),)))
    return model
