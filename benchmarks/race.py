"""Our search and SPIN's over the same instance, by turns, so that a busy minute hits both.

Every round runs ours on one core and on two, and every configuration of SPIN once. Of each the
fastest round counts, and the fastest configuration on as many cores is the peer: on one core SPIN
has five chances for our one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ours import run_ours
from benchmarks.outcome import Outcome, fastest
from benchmarks.protocols.sizes import Instance
from benchmarks.spin import Configuration, Verifier


@dataclass(frozen=True, slots=True)
class Race:
    """All rounds over an instance: ours on one core and on two, SPIN's of each configuration."""

    instance: Instance
    ours: tuple[Outcome, ...]
    ours_shared: tuple[Outcome, ...]
    """on two cores; nothing where there is one"""
    spin: tuple[tuple[Outcome, ...], ...]

    @property
    def best(self) -> Outcome:
        """Our fastest round on one core."""
        return fastest(self.ours)

    @property
    def best_shared(self) -> Outcome | None:
        """Our fastest round on two."""
        return fastest(self.ours_shared) if self.ours_shared else None

    @property
    def peer(self) -> Outcome | None:
        """SPIN's fastest configuration on one core, in its fastest round; None without SPIN."""
        return self._fastest_peer(1)

    @property
    def peer_shared(self) -> Outcome | None:
        """The same on two cores."""
        return self._fastest_peer(2)

    def _fastest_peer(self, cores: int) -> Outcome | None:
        rounds = [fastest(rounds) for rounds in self.spin if rounds[0].cores == cores]
        return fastest(rounds) if rounds else None

    @property
    def total(self) -> float:
        """Our least seconds from end to end, on one core or on two."""
        return min(run.total_seconds for run in (*self.ours, *self.ours_shared))

    @property
    def peer_total(self) -> float | None:
        """SPIN's, of all configurations."""
        return min((run.total_seconds for rounds in self.spin for run in rounds), default=None)

    @property
    def busy_ratios(self) -> tuple[float, float]:
        """Processor time, SPIN's to ours, on one core: of the search, and in all. Of SPIN that of
        whichever configuration took least."""
        spin = [run for rounds in self.spin if rounds[0].cores == 1 for run in rounds]
        search = min(run.search_busy for run in spin) / min(run.search_busy for run in self.ours)
        return search, min(run.total_busy for run in spin) / min(r.total_busy for r in self.ours)

    @property
    def counts_agree(self) -> bool:
        """Everybody held, with as many states and transitions, in every round."""
        runs = [*self.ours, *self.ours_shared, *(run for rounds in self.spin for run in rounds)]
        return len({(run.holds, run.states, run.transitions) for run in runs}) == 1


def race(instance: Instance, configurations: Sequence[Configuration], rounds: int) -> Race:
    """Run everybody over an instance; no configurations, no peer."""
    ours, shared = [run_ours(instance)], []
    states = ours[0].states
    with ExitStack() as folders:
        verifiers = [
            Verifier(instance, configuration, _folder(folders)) for configuration in configurations
        ]
        spin: list[list[Outcome]] = [[] for _ in verifiers]
        for number in range(rounds):
            if number:
                ours.append(run_ours(instance))
            if len(os.sched_getaffinity(0)) > 1:
                shared.append(run_ours(instance, workers=2))
            for verifier, outcomes in zip(verifiers, spin, strict=True):
                outcomes.append(verifier.run(states))
    return Race(instance, tuple(ours), tuple(shared), tuple(map(tuple, spin)))


def _folder(folders: ExitStack) -> Path:
    return Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="shootdown-spin-")))
