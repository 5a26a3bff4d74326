"""A counterexample in a file: all it takes to take the run again, and nothing that is executed.

`shootdown.run/1` is one line of JSON that says what the run is about, and one line for each step:

    {"format":"shootdown.run/1","target":"mine.py:Mirror","kernel":"6.6",…,"steps":10}
    {"actor":"task0","choices":[],"file":"mine.py","line":12,"text":"self.device.flush(range)"}

Several runs stand behind one another. Lines of `shootdown.check/1` (`--json`) are read as well:
every counterexample in them is a run. Whatever else a file holds is refused, with the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from shootdown import __version__
from shootdown.linux.arch.x86 import X86
from shootdown.scenarios.errors import RunFileError
from shootdown.scenarios.verdict import CheckResult, Counterexample, Origin, ScenarioResult

FORMAT = "shootdown.run/1"
CHECK_FORMAT = "shootdown.check/1"

LARGEST_FILE = 64 << 20
"""bytes"""
LONGEST_RUN = 10_000
"""steps"""

WRITE_ANEW = "write it anew with `shootdown check … --save FILE`"

_PRINTABLE = r"^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*$"
Word = Annotated[str, Meta(max_length=4096, pattern=_PRINTABLE)]
"""words end up on a terminal, which would obey control characters"""
Digit = Annotated[int, Meta(ge=0, le=1 << 20)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a case is made of, beside target and kernel. A model has only the last two."""

    operations: Annotated[tuple[Word, ...], Meta(max_length=8)] = ()
    pages: Annotated[int, Meta(ge=1, le=16)] = 2
    entries: Annotated[int, Meta(ge=1, le=512)] = 2
    frames: Annotated[int, Meta(ge=1, le=64)] = 5
    devices: Annotated[int, Meta(ge=1, le=4)] = 1
    gather: Annotated[int, Meta(ge=1, le=16)] = 1
    cpus: Annotated[int, Meta(ge=0, le=4)] = 0
    arch: Word = X86.title
    cpu_kind: Word = "user"
    endless: bool = False
    audited: bool = False
    counter_bits: Annotated[int, Meta(ge=1, le=16)] = 3
    merged: bool = True


@dataclass(frozen=True, slots=True)
class SavedStep:
    """Who moved, and which way each time there were several. The rest is for readers."""

    actor: Word
    choices: Annotated[tuple[Digit, ...], Meta(max_length=4096)] = ()
    file: Word = ""
    line: int = 0
    text: Word = ""


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run that broke a rule when it was found."""

    target: Word
    rule: Word
    steps: Sequence[SavedStep]
    kernel: Word | None = None
    case: Recipe = field(default_factory=Recipe)
    start: Annotated[int, Meta(ge=0, le=1 << 20)] = 0
    sentence: Word = ""
    scenario: Word = ""
    program: Word = ""
    """fingerprint; nothing: not known"""
    sources: Mapping[Word, Word] = field(default_factory=dict)
    shootdown: Word = __version__
    """the version that found it"""


@dataclass(frozen=True, slots=True)
class _Head:
    format: Word


@dataclass(frozen=True, slots=True)
class _RunHead:
    """The first line of a run: a SavedRun with the number of its steps."""

    target: Word
    rule: Word
    steps: Annotated[int, Meta(ge=0, le=LONGEST_RUN)]
    case: Recipe
    kernel: Word | None
    start: Annotated[int, Meta(ge=0, le=1 << 20)]
    sentence: Word = ""
    scenario: Word = ""
    program: Word = ""
    sources: Mapping[Word, Word] = field(default_factory=dict)
    shootdown: Word = ""


@dataclass(frozen=True, slots=True)
class _CheckStep:
    actor: Word
    taken: Annotated[tuple[Digit, ...], Meta(max_length=4096)]
    file: Word
    line: int
    text: Word


@dataclass(frozen=True, slots=True)
class _CheckOrigin:
    case: Recipe
    start: Annotated[int, Meta(ge=0, le=1 << 20)]
    program: Word
    sources: Mapping[Word, Word]


@dataclass(frozen=True, slots=True)
class _CheckRun:
    rule: Word
    sentence: Word
    steps: Annotated[tuple[_CheckStep, ...], Meta(max_length=LONGEST_RUN)]
    origin: _CheckOrigin | None = None


@dataclass(frozen=True, slots=True)
class _CheckScenario:
    name: Word
    counterexample: _CheckRun | None
    counterexamples: tuple[_CheckRun, ...] = ()


@dataclass(frozen=True, slots=True)
class _Check:
    target: Word
    kernel: Word | None
    scenarios: tuple[_CheckScenario, ...]


# --- writing ------------------------------------------------------------------------------------


def runs_of(check: CheckResult) -> list[SavedRun]:
    """Every counterexample of a check that can be taken again."""
    return [
        _run(check, row, found, found.origin)
        for row in check.scenarios
        for found in row.broken
        if found.origin is not None
    ]


def _run(
    check: CheckResult, row: ScenarioResult, found: Counterexample, origin: Origin
) -> SavedRun:
    steps = (SavedStep(s.actor, s.taken, s.file, s.line, s.text) for s in found.steps)
    return SavedRun(
        check.target,
        found.rule,
        tuple(steps),
        check.kernel,
        msgspec.convert(origin.case, Recipe),
        origin.start,
        found.sentence,
        row.name,
        origin.program,
        origin.sources,
    )


def encode_run(run: SavedRun) -> Iterator[bytes]:
    """The lines of a run, without their ends."""
    head = {"format": FORMAT, **msgspec.to_builtins(run), "steps": len(run.steps)}
    yield msgspec.json.encode(head)
    yield from map(msgspec.json.encode, run.steps)


# --- reading ------------------------------------------------------------------------------------


def load_runs(path: str | Path) -> list[SavedRun]:
    """The runs in a file, of either format.

    Raises:
        RunFileError: for a file that cannot be read or holds anything else, with the line.
    """
    shown = str(path)
    lines = _lines(Path(path), shown)
    runs: list[SavedRun] = []
    number = 0
    while number < len(lines):
        if lines[number].strip():
            head = _decode(lines[number], _Head, shown, number)
            if head.format == CHECK_FORMAT:
                runs += _of_check(_decode(lines[number], _Check, shown, number))
            elif head.format == FORMAT:
                run = _decode(lines[number], _RunHead, shown, number)
                runs.append(_of_lines(run, lines[number + 1 :][: run.steps], shown, number))
                number += run.steps
            else:
                what = f"this is {head.format!r}, not {FORMAT} or {CHECK_FORMAT}"
                raise RunFileError(shown, number + 1, what, WRITE_ANEW)
        number += 1
    if not runs:
        what = "there is no run in this file that could be taken again"
        raise RunFileError(
            shown, max(number, 1), what, "save one of a check that found a violation"
        )
    return runs


def _lines(path: Path, shown: str) -> list[bytes]:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise RunFileError(shown, 1, f"cannot be read: {error.strerror}", WRITE_ANEW) from None
    if len(data) > LARGEST_FILE:
        raise RunFileError(shown, 1, f"is larger than {LARGEST_FILE >> 20} MiB", WRITE_ANEW)
    return data.split(b"\n")


def _decode(line: bytes, kind: type[T], shown: str, number: int) -> T:
    """One line as a record; whatever does not fit is an error at that line."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = str(error) or "is nested too deeply"
        raise RunFileError(shown, number + 1, _uncapitalised(what), WRITE_ANEW) from None


def _uncapitalised(text: str) -> str:
    """The middle of a sentence; `JSON` stays as it is."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _of_lines(head: _RunHead, lines: Sequence[bytes], shown: str, number: int) -> SavedRun:
    steps = []
    for place, line in enumerate(lines, number + 1):
        if not line.strip():
            break
        steps.append(_decode(line, SavedStep, shown, place))
    if len(steps) < head.steps:
        at = number + 2 + len(steps)
        what = f"the run has {head.steps} steps, but the file ends after {len(steps)}"
        raise RunFileError(shown, at, what, WRITE_ANEW)
    if not steps and head.rule != "deadlock":
        raise RunFileError(shown, number + 1, "a run without steps breaks nothing", WRITE_ANEW)
    return SavedRun(
        head.target,
        head.rule,
        tuple(steps),
        head.kernel,
        head.case,
        head.start,
        head.sentence,
        head.scenario,
        head.program,
        head.sources,
        head.shootdown,
    )


def _of_check(check: _Check) -> Iterator[SavedRun]:
    for row in check.scenarios:
        first = () if row.counterexample is None else (row.counterexample,)
        for found in (*first, *row.counterexamples):
            origin = found.origin
            if origin is None:
                continue
            yield SavedRun(
                check.target,
                found.rule,
                tuple(SavedStep(s.actor, s.taken, s.file, s.line, s.text) for s in found.steps),
                check.kernel,
                origin.case,
                origin.start,
                found.sentence,
                row.name,
                origin.program,
                origin.sources,
                "",
            )
