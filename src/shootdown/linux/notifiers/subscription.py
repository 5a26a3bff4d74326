"""A driver on the list of an address space."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

from shootdown.lang.declare import Flag, Ghost, Int, ghost, require
from shootdown.lang.part import Part
from shootdown.lang.sections import Section, SectionPart
from shootdown.linux.notifiers.subscriber import Subscriber
from shootdown.rules.lifetime import CALLBACK_AFTER_UNREGISTER

MOST_STARTS = 15


class Subscription(Part):
    """struct mmu_notifier: whose it is, and whether it is on the list.

    Where subscriptions do not come and go, it is always on it, and nothing has to be asked.
    """

    def __init__(self, subscriber: Subscriber, number: int, comes_and_goes: bool, hashed: bool):
        self.subscriber = subscriber
        self.label = f"notifier{number}"
        self.comes_and_goes = comes_and_goes
        self.hashed = Flag(hashed) if comes_and_goes else True
        """on the list: !hlist_unhashed()"""
        self.freed = Ghost(Flag())
        self.started = Ghost(Int(0, MOST_STARTS))
        """starts it has agreed to and heard no end for, where there is an audit"""

    def alive(self) -> Subscriber:
        """The driver, about to be called."""
        self.judge_alive()
        return self.subscriber

    def judge_alive(self) -> None:
        """Its memory must be there, before a call and after."""
        if self.comes_and_goes:
            self._judge_alive()

    @ghost
    def _judge_alive(self) -> None:
        require(not self.freed, CALLBACK_AFTER_UNREGISTER)

    @ghost
    def free(self) -> None:
        """kfree() of what holds it."""
        self.freed = True


class NobodyWaits(SectionPart):
    """Readers of a list that does not change: nobody ever waits for them."""

    def sections(self) -> dict[str, Section]:
        return {"read": Section(self.enter, self.leave)}

    def read(self) -> AbstractContextManager[None]:
        """`with readers.read():`"""
        return cast(AbstractContextManager[None], self.sections()["read"])

    def enter(self) -> None:
        """Nothing to do."""

    def leave(self) -> None:
        """Nothing to do."""
