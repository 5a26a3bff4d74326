"""What one run of one tool over one instance yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """One exhaustive search, or one that stopped at a violation."""

    tool: str
    configuration: str
    cores: int
    holds: bool
    states: int
    transitions: int
    """as we count them: the arrival at the start is none"""
    depth: int
    search_seconds: float
    """what the tool itself calls the time of its search"""
    total_seconds: float
    """from the model to the verdict: processes started, code generated and compiled"""
    memory: int
    """bytes the tool says its states, tables and stacks take"""

    @property
    def states_per_second(self) -> float:
        return self.states / self.search_seconds if self.search_seconds else float("nan")

    @property
    def transitions_per_second(self) -> float:
        return self.transitions / self.search_seconds if self.search_seconds else float("nan")

    @property
    def bytes_per_state(self) -> float:
        return self.memory / self.states


def fastest(outcomes: Sequence[Outcome]) -> Outcome:
    """The best of several runs: on a shared machine, others only ever make a run slower."""
    return min(outcomes, key=lambda outcome: outcome.search_seconds)
