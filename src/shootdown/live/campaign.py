"""Many programs on the running kernel, on several processes; outcomes in the order of the programs.

How the work is shared out is said in `crew`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from shootdown.live.callbacks import LostEventsError
from shootdown.live.crew import do_all
from shootdown.live.observe import Observer, UnstableProgramError
from shootdown.live.programs import ARGUMENTS, Program, Recording

Outcome = Recording | UnstableProgramError | LostEventsError
"""what was observed, that no two runs agreed, or that events were lost in every run"""


def observe_all(programs: Iterable[Program], workers: int = 1) -> Generator[Outcome, None, None]:
    """Every program, in order.

    Raises:
        MissingMeansError: for a device, a right or a feature that is not there.
        ObservationError: if a program does not come to its end.
        WorkerError: if a worker dies.
    """
    return do_all(programs, _observing, workers)


@contextmanager
def _observing() -> Iterator[Callable[[Program], Outcome]]:
    with Observer() as observer:

        def observe(program: Program) -> Outcome:
            try:
                return observer.observe(program)
            except (UnstableProgramError, LostEventsError) as error:
                return error

        yield observe


def count_operations(recordings: Iterable[Recording]) -> Counter[str]:
    """How often each operation was performed, those never performed too."""
    found = Counter(dict.fromkeys(ARGUMENTS, 0))
    for recording in recordings:
        found.update(str(operation[0]) for operation in recording.program.operations)
    return found
