"""How to search, as opposed to what: nothing here changes a verdict that is reached, but for
`races` and `liveness`, which ask for more rules.

One record travels from the command line and `shootdown.check` through questions and pools down to
`check_case`, so that a new option of the search is named in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Engine, Limits, Liveness
from shootdown.scenarios.keeping import Keeping


@dataclass(frozen=True, slots=True)
class Effort:
    """By which means, and how far."""

    engine: Engine = "native"
    limits: Limits = field(default_factory=Limits)
    reductions: Reductions = field(default_factory=Reductions)
    all_rules: bool = False
    """go on after a broken rule and find every other one, too (`scenarios.all_rules`)"""
    races: bool = False
    """a data race is a broken rule (`machine.races`)"""
    threads: int = 1
    """most threads that may share one search"""
    free: Callable[[], int] | None = field(default=None, compare=False)
    """how many of the threads may work now; None: all of them"""
    liveness: Liveness | None = None
    """what is asked of runs that go on for ever (`machine.liveness`)"""
    profile: bool = False
    """count what each line of source costs (`scenarios.profile`)"""
    keep: Keeping | None = None
    """where searches are kept, so that they can be taken up again, or are not made twice"""

    def after(self, seconds: float) -> Effort:
        """What is left of it when so much time has passed."""
        if self.limits.seconds is None:
            return self
        left = max(0.0, self.limits.seconds - seconds)
        return replace(self, limits=replace(self.limits, seconds=left))
