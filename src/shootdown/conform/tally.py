"""Outcomes, added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from shootdown.conform.compare import Disagreement, name_of
from shootdown.conform.outcome import Outcome, Status
from shootdown.live.programs import ADVICE, ARGUMENTS

Kind = tuple[str, str]
"""operation and field in which model and kernel part"""

KINDS = tuple(
    kind
    for name in ARGUMENTS
    for kind in ([f"madvise {advice}" for advice in ADVICE] if name == "madvise" else [name])
)
"""what operations are counted by, in the order of the tables"""


@dataclass(slots=True)
class Tally:
    """Grows with every outcome."""

    programs: int = 0
    operations: int = 0
    """compared"""
    ranges: int = 0
    """compared, as the kernel sent them"""
    statuses: Counter[Status] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """why programs were not compared to their end"""
    hits: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(KINDS, 0)))
    """operations compared, by kind"""
    parted: dict[Kind, list[int]] = field(default_factory=dict)
    """numbers of the programs on which they part, by kind"""
    first: dict[Kind, Disagreement] = field(default_factory=dict)
    """the first disagreement of each kind"""

    def add(self, outcome: Outcome) -> None:
        """One more program."""
        self.programs += 1
        self.statuses[outcome.status] += 1
        self.operations += outcome.compared
        self.ranges += outcome.ranges
        self.hits.update(map(name_of, outcome.operations))
        if outcome.reason:
            self.reasons[f"{outcome.status}: {outcome.reason}"] += 1
        if outcome.disagreement is not None:
            kind = outcome.disagreement.kind
            self.parted.setdefault(kind, []).append(outcome.program.id)
            self.first.setdefault(kind, outcome.disagreement)

    @property
    def agree(self) -> int:
        """Programs on which model and kernel agree to the end."""
        return self.statuses["agrees"]

    @property
    def disagree(self) -> int:
        """Programs on which they do not."""
        return self.statuses["disagrees"]
