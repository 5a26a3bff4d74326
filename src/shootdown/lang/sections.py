"""What a reader and a writer of Linux use besides locks: sequence counts and sleepable RCU.

Both are parts with compiled methods, so they are checked like everything else. `with` enters and
leaves a `Section`: the method that enters may return a token, which the one that leaves takes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

from shootdown.lang.declare import (
    READ_ONCE,
    WRITE_ONCE,
    Array,
    Counter,
    Int,
    Mutex,
    indivisible,
    wait_until,
)
from shootdown.lang.part import Part


@dataclass(frozen=True, slots=True)
class Section:
    """What `with` does at its beginning and on every way out: two bound methods."""

    enter: Callable[..., Any]
    leave: Callable[..., Any]
    atomic: bool = False
    """nothing may sleep inside"""


class SectionPart(Part):
    """A part with sections. It lives where its owner lives."""

    follows = True

    def sections(self) -> dict[str, Section]:
        """By the name of the method that `with` calls."""
        raise NotImplementedError


class SeqCount(SectionPart):
    """seqcount_t: odd while a writer is inside, one more when it is done.

    Writers have to be serialised by a lock of the driver, as in Linux
    (Documentation/locking/seqlock.rst); two at a time break the rule `assertion`. Entering and
    leaving are a step each, because nobody else may write meanwhile.
    """

    def __init__(self) -> None:
        self.sequence = Counter()

    def sections(self) -> dict[str, Section]:
        return {"write": Section(self.write_begin, self.write_end)}

    def write(self) -> AbstractContextManager[None]:
        """`with seq.write():`  write_seqcount_begin() … write_seqcount_end()"""
        return cast(AbstractContextManager[None], self.sections()["write"])

    def begin(self) -> int:
        """read_seqcount_begin(): waits until no writer is inside."""
        return self._even()

    @indivisible
    def _even(self) -> int:
        wait_until(self.sequence % 2 == 0)
        return self.sequence

    def retry(self, start: int) -> bool:
        """read_seqcount_retry(): whether a writer has been there since `begin`."""
        return READ_ONCE(self.sequence) != start

    @indivisible
    def write_begin(self) -> None:
        """write_seqcount_begin()"""
        assert self.sequence % 2 == 0, "writers of a SeqCount exclude each other"
        self.sequence += 1

    @indivisible
    def write_end(self) -> None:
        """write_seqcount_end()"""
        self.sequence += 1


class Srcu(SectionPart):
    """srcu_struct: readers may sleep, and `synchronize` waits for those that were there before.

    Readers count themselves at one of two indexes. `synchronize` turns new readers to the other
    index and waits until the old one is empty; it is alone in that, so no reader from before can be
    at the new index. In Linux a reader picks the index and counts in two steps, which kernel/rcu/
    srcutree.c makes up for by going twice; here it is one step. A reader that calls `synchronize`
    waits for itself: a deadlock, here as there.
    """

    def __init__(self) -> None:
        self.index = Int(0, 1)
        self.readers = Array(Counter, 2)
        self.turn = Mutex()

    def sections(self) -> dict[str, Section]:
        return {"read": Section(self.read_lock, self.read_unlock)}

    def read(self) -> AbstractContextManager[None]:
        """`with srcu.read():`  srcu_read_lock() … srcu_read_unlock()"""
        return cast(AbstractContextManager[None], self.sections()["read"])

    @indivisible
    def read_lock(self) -> int:
        """srcu_read_lock(): the index to give back."""
        index = self.index
        self.readers[index] += 1
        return index

    @indivisible
    def read_unlock(self, index: int) -> None:
        """srcu_read_unlock()"""
        self.readers[index] -= 1

    def synchronize(self) -> None:
        """synchronize_srcu(): every reader that was inside when this began has left."""
        with self.turn:
            old = self.index
            WRITE_ONCE(self.index, 1 - old)
            wait_until(self.readers[old] == 0)
