"""Many programs, live or recorded, on several processes; then a smallest one of each kind of
disagreement.

Workers are forked with the model and what has been looked up, so that both are made once.

Only disagreements of different kinds are made smaller, since those of one kind are probably the
same mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from shootdown.conform.compare import Disagreement
from shootdown.conform.judge import judging_live, judging_recorded
from shootdown.conform.model import ProgramModel
from shootdown.conform.outcome import Outcome
from shootdown.conform.shrinking import shrink_disagreement
from shootdown.live.crew import do_all
from shootdown.live.notifications import Lookup
from shootdown.live.programs import Program, Recording
from shootdown.live.settings import Settings


def judge_live(
    programs: Iterable[Program],
    model: ProgramModel,
    settings: Settings,
    lookup: Lookup,
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
    return do_all(programs, partial(judging_live, model, settings, lookup, record), workers)


def judge_recorded(
    recordings: Iterable[Recording], model: ProgramModel, settings: Settings, *, workers: int = 1
) -> Generator[Outcome, None, None]:
    """Every recorded program on the model, in order.

    Raises:
        WorkerError: if a worker dies.
    """
    return do_all(recordings, partial(judging_recorded, model, settings), workers)


def shrink_all(
    disagreements: Sequence[Disagreement],
    model: ProgramModel,
    settings: Settings,
    lookup: Lookup,
    *,
    workers: int = 1,
) -> Generator[Disagreement, None, None]:
    """A smallest program for each of them, on the running kernel, in order."""
    crew = min(workers, len(disagreements))
    return do_all(disagreements, partial(_shrinking, model, settings, lookup), crew)


@contextmanager
def _shrinking(
    model: ProgramModel, settings: Settings, lookup: Lookup
) -> Iterator[Callable[[Disagreement], Disagreement]]:
    with judging_live(model, settings, lookup) as judge:
        yield partial(shrink_disagreement, judge=judge)
