"""Many programs, live or recorded, on several processes; then a smallest one of each kind of
disagreement.

Only disagreements of different kinds are made smaller, since those of one kind are probably the
same mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from shootdown.conform.compare import Disagreement
from shootdown.conform.judge import MakeModel, judging_live, judging_recorded
from shootdown.conform.outcome import Outcome
from shootdown.conform.shrinking import shrink_disagreement
from shootdown.live.crew import do_all
from shootdown.live.programs import Program, Recording
from shootdown.live.settings import Settings


def judge_live(
    programs: Iterable[Program],
    make: MakeModel,
    settings: Settings,
    *,
    workers: int = 1,
    record: bool = False,
) -> Generator[Outcome, None, None]:
    """Every program on the model and on the running kernel, in order.

    Raises:
        MissingMeansError: for a device, a right or a feature that is not there.
        ObservationError: if a program does not come to its end.
        WorkerError: if a worker dies.
    """
    return do_all(programs, partial(judging_live, make, settings, record), workers)


def judge_recorded(
    recordings: Iterable[Recording], make: MakeModel, settings: Settings, *, workers: int = 1
) -> Generator[Outcome, None, None]:
    """Every recorded program on the model, in order.

    Raises:
        WorkerError: if a worker dies.
    """
    return do_all(recordings, partial(judging_recorded, make, settings), workers)


def shrink_all(
    disagreements: Sequence[Disagreement], make: MakeModel, settings: Settings, *, workers: int = 1
) -> Generator[Disagreement, None, None]:
    """A smallest program for each of them, on the running kernel, in order."""
    crew = min(workers, len(disagreements))
    return do_all(disagreements, partial(_shrinking, make, settings), crew)


@contextmanager
def _shrinking(
    make: MakeModel, settings: Settings
) -> Iterator[Callable[[Disagreement], Disagreement]]:
    with judging_live(make, settings) as judge:
        yield partial(shrink_disagreement, judge=judge)
