"""Our search and SPIN's over the same instance, by turns, so that a busy minute hits both.

Every round runs ours once and every configuration of SPIN once. Of each the fastest round counts,
and the fastest configuration is the peer: SPIN has five chances for our one.
"""

from __future__ import annotations

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
    """All rounds over one instance: ours, and for each configuration SPIN's."""

    instance: Instance
    ours: tuple[Outcome, ...]
    spin: tuple[tuple[Outcome, ...], ...]

    @property
    def best(self) -> Outcome:
        """Our fastest round."""
        return fastest(self.ours)

    @property
    def peer(self) -> Outcome | None:
        """SPIN's fastest configuration, in its fastest round; None if SPIN is not here."""
        return fastest([fastest(rounds) for rounds in self.spin]) if self.spin else None

    @property
    def counts_agree(self) -> bool:
        """Everybody held, with as many states and transitions, in every round."""
        runs = [*self.ours, *(outcome for rounds in self.spin for outcome in rounds)]
        return len({(run.holds, run.states, run.transitions) for run in runs}) == 1


def race(instance: Instance, configurations: Sequence[Configuration], rounds: int) -> Race:
    """Run everybody over an instance; no configurations, no peer."""
    ours = [run_ours(instance)]
    states = ours[0].states
    with ExitStack() as folders:
        verifiers = [
            Verifier(instance, configuration, _folder(folders)) for configuration in configurations
        ]
        spin: list[list[Outcome]] = [[] for _ in verifiers]
        for number in range(rounds):
            if number:
                ours.append(run_ours(instance))
            for verifier, outcomes in zip(verifiers, spin, strict=True):
                outcomes.append(verifier.run(states))
    return Race(instance, tuple(ours), tuple(map(tuple, spin)))


def _folder(folders: ExitStack) -> Path:
    return Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="shootdown-spin-")))
