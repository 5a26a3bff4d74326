"""Programs on the model, for the tests of single rules."""

from __future__ import annotations

from shootdown.conform.machine import Machine
from shootdown.live.generate import BASE
from shootdown.live.programs import Observed, Operation, Program


def perform(machine: Machine, *operations: Operation) -> tuple[Observed, ...]:
    """On a region of 16 pages, and a file of as many."""
    return machine.perform(Program(0, "test", BASE, 16, operations))


def told(observed: Observed) -> list[tuple[int, int, str]]:
    """Ranges with their sites."""
    return [(*span, site) for span, site in zip(observed.ranges, observed.sites, strict=True)]
