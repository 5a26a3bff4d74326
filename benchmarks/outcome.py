"""What one run of one tool over one instance yields."""

from __future__ import annotations

import resource
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
    search_busy: float
    """processor seconds of the search: ours with the model compiled, SPIN's of its whole program"""
    total_busy: float
    """processor seconds from the model to the verdict"""
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


def processor_seconds() -> float:
    """Spent so far by child processes that have ended, user and system."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def fastest(outcomes: Sequence[Outcome]) -> Outcome:
    """The best of several runs: on a shared machine, others only ever make a run slower."""
    return min(outcomes, key=lambda outcome: outcome.search_seconds)
