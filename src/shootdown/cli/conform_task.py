"""What `shootdown conform` was asked to do: programs from somewhere, on a model and on a kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shootdown.cli.bar import Bar
from shootdown.cli.errors import InputError
from shootdown.cli.output import JsonOutput
from shootdown.conform.campaign import judge_live, judge_recorded, shrink_all
from shootdown.conform.compare import Disagreement
from shootdown.conform.model import load_model
from shootdown.conform.outcome import Outcome
from shootdown.conform.selection import Selection
from shootdown.conform.tally import Tally
from shootdown.live.errors import MissingMeansError
from shootdown.live.programs import ProgramFileError, encode_recording, read_meta
from shootdown.live.settings import Settings, load_settings, parse_settings

Outcomes = Generator[Outcome, None, None]


@dataclass(frozen=True, slots=True)
class Task:
    """Programs that are to be compared."""

    source: str
    """where they come from, in words"""
    asked: int
    """how many there are"""
    live: bool
    """whether the running kernel performs them"""
    settings: Settings
    outcomes: Callable[[bool], Outcomes]
    """begins; True if outcomes are to have recordings"""
    workers: int

    def compare(self, seconds: float | None, recorded: JsonOutput | None) -> Tally:
        """All of them, until the time is over."""
        tally, ends = Tally(), None if seconds is None else time.monotonic() + seconds
        with (
            _explained(),
            Bar(self.asked) as bar,
            closing(self.outcomes(recorded is not None)) as outcomes,
        ):
            for outcome in outcomes:
                tally.add(outcome)
                if recorded is not None and outcome.recording is not None:
                    recorded.write(encode_recording(outcome.recording).encode())
                bar.show(tally.programs, f"{tally.agree:,} agree, {tally.disagree:,} do not")
                if ends is not None and time.monotonic() > ends:
                    break
        return tally

    def shrink(self, tally: Tally, most: int) -> list[Disagreement]:
        """An example of each kind of disagreement, the frequent ones first; a smallest one, if the
        running kernel can be asked."""
        kinds = sorted(tally.parted, key=lambda kind: -len(tally.parted[kind]))[:most]
        found = [tally.first[kind] for kind in kinds]
        if not self.live or not found:
            return found
        smallest = []
        with Bar(len(found)) as bar:
            bar.show(0, "looking for a smallest program")
            for each in shrink_all(found, load_model, self.settings, workers=self.workers):
                smallest.append(each)
                bar.show(len(smallest), "looking for a smallest program")
        return smallest


def prepare(
    wanted: Selection, seed: int, from_file: str | None, against: str | None, workers: int
) -> Task:
    """Nothing runs yet; a file has been read once.

    Raises:
        InputError: for a file that cannot be read.
        ProgramFileError: for a file that is no file of programs.
    """
    if against is not None:
        return _from_recordings(wanted, Path(against), workers)
    settings = load_settings()
    if from_file is not None:
        path = Path(from_file)
        count = _count(wanted, path)

        def again(record: bool) -> Outcomes:
            programs = (each.program for each in wanted.recorded(path))
            return judge_live(programs, load_model, settings, workers=workers, record=record)

        return Task(f"programs of {path}", count, True, settings, again, workers)
    programs = wanted.generated(seed)

    def live(record: bool) -> Outcomes:
        return judge_live(programs, load_model, settings, workers=workers, record=record)

    return Task(f"random programs of seed {seed}", len(programs), True, settings, live, workers)


def _from_recordings(wanted: Selection, path: Path, workers: int) -> Task:
    count = _count(wanted, path)
    try:
        settings = parse_settings(read_meta(path))
    except ValueError as error:
        raise ProgramFileError(str(path), 1, str(error)) from error

    def recorded(record: bool) -> Outcomes:
        return judge_recorded(wanted.recorded(path), load_model, settings, workers=workers)

    return Task(f"programs recorded in {path}", count, False, settings, recorded, workers)


def _count(wanted: Selection, path: Path) -> int:
    """How many programs a file has; every line has been read then."""
    try:
        count = sum(1 for _ in wanted.recorded(path))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}",
            "name a file that `shootdown conform --record` wrote",
        ) from error
    if not count:
        raise InputError(f"{path} has no such program", "leave out --only or --profile")
    return count


@contextmanager
def _explained() -> Iterator[None]:
    """What is missing, with what works without it."""
    try:
        yield
    except MissingMeansError as error:
        how = f"{error.how}; `--against FILE` compares with recorded programs and needs none of it"
        raise MissingMeansError(error.what, error.why, how) from error
