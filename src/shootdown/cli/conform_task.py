"""What `shootdown conform` was asked to do: programs from somewhere, on a model and on a kernel."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shootdown.cli.bar import Bar
from shootdown.cli.errors import InputError
from shootdown.cli.output import JsonOutput
from shootdown.conform.campaign import judge_live, judge_recorded, shrink_all
from shootdown.conform.compare import Disagreement
from shootdown.conform.model import ProgramModel, load_model
from shootdown.conform.outcome import Outcome
from shootdown.conform.selection import Selection
from shootdown.conform.tally import Tally
from shootdown.live.errors import MissingMeansError
from shootdown.live.notifications import Lookup
from shootdown.live.observe import check_means
from shootdown.live.programs import Program, ProgramFileError, encode_recording, read_meta
from shootdown.live.settings import Settings, load_settings, parse_settings

Outcomes = Generator[Outcome, None, None]


@dataclass(frozen=True, slots=True)
class Task:
    """Programs that are to be compared: random ones, or those of a file, run here or there."""

    wanted: Selection
    settings: Settings
    asked: int
    """how many programs there are"""
    seed: int
    path: Path | None
    """of a file with the programs"""
    live: bool
    """whether the running kernel performs them"""
    workers: int

    @property
    def source(self) -> str:
        """Where the programs come from, in words."""
        if self.path is None:
            return f"random programs of seed {self.seed}"
        return f"programs {'of' if self.live else 'recorded in'} {self.path}"

    def run(self, seconds: float | None, recorded: JsonOutput | None, most: int) -> Result:
        """All of them, until the time is over; then so many kinds of disagreement are looked into,
        the frequent ones first. What has to be there is looked for before anything else."""
        with _explained(), Bar(self.asked) as bar:
            lookup = check_means() if self.live else None
            bar.show(0, "the model is made ready")
            model = load_model()
            begun = time.monotonic()
            with closing(self._outcomes(model, lookup, recorded is not None)) as outcomes:
                tally = _add(outcomes, bar, seconds, recorded)
            took = time.monotonic() - begun
        kinds = sorted(tally.parted, key=lambda kind: -len(tally.parted[kind]))[:most]
        found = [tally.first[kind] for kind in kinds]
        if lookup is not None and found:
            found = self._shrink(found, model, lookup)
        return Result(tally, found, took)

    def _outcomes(self, model: ProgramModel, lookup: Lookup | None, record: bool) -> Outcomes:
        settings, workers = self.settings, self.workers
        if lookup is None:
            assert self.path is not None, "what was recorded is in a file"
            recordings = self.wanted.recorded(self.path)
            return judge_recorded(recordings, model, settings, workers=workers)
        programs = self._programs()
        return judge_live(programs, model, settings, lookup, workers=workers, record=record)

    def _programs(self) -> Iterable[Program]:
        if self.path is None:
            return self.wanted.generated(self.seed)
        return (each.program for each in self.wanted.recorded(self.path))

    def _shrink(
        self, found: list[Disagreement], model: ProgramModel, lookup: Lookup
    ) -> list[Disagreement]:
        smallest = []
        with Bar(len(found)) as bar:
            bar.show(0, "looking for a smallest program")
            for each in shrink_all(found, model, self.settings, lookup, workers=self.workers):
                smallest.append(each)
                bar.show(len(smallest), "looking for a smallest program")
        return smallest


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    tally: Tally
    examples: list[Disagreement]
    """one of each kind of disagreement that was looked into"""
    seconds: float
    """from the first program to the last, without making the model ready and shrinking"""


def _add(outcomes: Outcomes, bar: Bar, seconds: float | None, recorded: JsonOutput | None) -> Tally:
    tally, ends = Tally(), None if seconds is None else time.monotonic() + seconds
    for outcome in outcomes:
        tally.add(outcome)
        if recorded is not None and outcome.recording is not None:
            recorded.write(encode_recording(outcome.recording).encode())
        bar.show(tally.programs, f"{tally.agree:,} agree, {tally.disagree:,} do not")
        if ends is not None and time.monotonic() > ends:
            break
    return tally


def prepare(
    wanted: Selection, seed: int, from_file: str | None, against: str | None, workers: int
) -> Task:
    """Nothing runs yet; a file has been read once.

    Raises:
        InputError: for a file that cannot be read.
        ProgramFileError: for a file that is no file of programs.
    """
    name = against or from_file
    path = None if name is None else Path(name)
    count = wanted.size if path is None else _count(wanted, path)
    live = against is None
    settings = load_settings() if path is None or live else _recorded_settings(path)
    return Task(wanted, settings, count, seed, path, live, workers)


def _recorded_settings(path: Path) -> Settings:
    try:
        return parse_settings(read_meta(path))
    except ValueError as error:
        raise ProgramFileError(str(path), 1, str(error)) from error


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
