"""`shootdown conform`: the model of Linux against the running kernel, or against recorded ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from difflib import get_close_matches

import click

from shootdown.cli.conform_guest import run_under_guest
from shootdown.cli.conform_task import Result, Task, prepare
from shootdown.cli.errors import HOLDS, UNDECIDED, VIOLATED, InputError
from shootdown.cli.options import Numbers, Seconds, given_options
from shootdown.cli.output import JsonOutput
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.conform.selection import PROGRAMS, Selection
from shootdown.conform.tally import Tally
from shootdown.live.generate import PROFILES
from shootdown.live.programs import encode_meta
from shootdown.report.conform_json import encode_conform
from shootdown.report.conform_terminal import (
    describe_disagreement,
    describe_hits,
    describe_kinds,
    describe_summary,
)
from shootdown.report.paint import Paint

SHOWN = 5

_ALONE = {
    "against": {"record", "seed", "from_file"},
    "from_file": {"seed"},
    "guest": {"only", "from_file", "against", "record", "show", "json_file"},
}
"""options that make others useless"""

HELP = f"""Compare the model of Linux with a kernel: the same memory system calls on both.

Random programs run on the running kernel, each in a fresh process with a notifier registered, and
on the model. After every call results, ranges in order with their causes, mappings and pages must
be the same. Where they part, a smallest program is looked for and shown.

Needs /dev/kvm and CAP_PERFMON; with --against it needs neither. Changes no setting of the system.

Profiles of random programs: {", ".join(PROFILES)}.

Exit status: 0 all agree, 1 they part, 2 bad input or missing means, 3 not all could be compared.
"""


@click.command(name="conform", help=HELP)
@click.option(
    "--programs",
    type=click.IntRange(1),
    metavar="N",
    help=f"Programs to compare. Default: {PROGRAMS}, or all of a file.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    metavar="S",
    help="Seed of random programs: the same programs for the same seed.",
)
@click.option("--profile", metavar="P", help="Programs of this profile only. Default: all of them.")
@click.option(
    "--only",
    type=Numbers(),
    metavar="N,M-K",
    help="Only the programs with these numbers; a number is shown with every disagreement.",
)
@click.option(
    "--from",
    "from_file",
    metavar="FILE",
    help="Run the programs of FILE instead of random ones.",
)
@click.option(
    "--against",
    metavar="FILE",
    help="Compare the model with the kernel that FILE was recorded on.",
)
@click.option(
    "--record",
    metavar="FILE",
    help="Also write the programs with what the kernel did, which takes two equal runs of each.",
)
@click.option(
    "--time",
    "seconds",
    type=Seconds(),
    metavar="SECONDS",
    help="Begin no more programs after so many seconds.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that run programs. Default: one for each CPU.",
)
@click.option(
    "--show",
    type=click.IntRange(0),
    default=SHOWN,
    show_default=True,
    metavar="N",
    help="Kinds of disagreement to look for a smallest program of, and to show.",
)
@click.option(
    "--guest",
    is_flag=True,
    help="Compare what a real guest sees of the memory instead, page by page.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write shootdown.conform/1; `-` is standard output.",
)
def command(  # noqa: PLR0917 - click passes them by name
    programs: int | None,
    seed: int,
    profile: str | None,
    only: frozenset[int] | None,
    from_file: str | None,
    against: str | None,
    record: str | None,
    seconds: float | None,
    workers: int | None,
    show: int,
    guest: bool,
    json_file: str | None,
) -> int:
    """Reads the options; `Task` does the work."""
    given = {str(option.name) for option in given_options(click.get_current_context())}
    _refuse_mixtures(given, json_file, record)
    _refuse_profile(profile)
    crew = workers or len(os.sched_getaffinity(0))
    if guest:
        return run_under_guest(programs, seed, profile, seconds, crew)
    wanted = Selection(programs, profile, only)
    with JsonOutput(json_file) as output, JsonOutput(record) as recorded:
        to_stdout = output.to_stdout or recorded.to_stdout
        stream = sys.stderr if to_stdout else sys.stdout
        task = prepare(wanted, seed, from_file, against, crew)
        if record is not None:
            recorded.write(encode_meta({**asdict(task.settings), "seed": seed, "runs": 2}).encode())
        result = task.run(seconds, recorded if record is not None else None, show)
        print_lines(_report(task, result, paint_for(stream)), stream)
        output.write(_encode(task, result))
    return _status(result.tally, task.asked)


def _refuse_mixtures(given: set[str], json_file: str | None, record: str | None) -> None:
    for first, others in _ALONE.items():
        for other in others & given if first in given else ():
            name = other.removesuffix("_file"), first.removesuffix("_file")
            raise InputError(f"--{name[0]} does not go with --{name[1]}", "leave one of them out")
    if json_file == record == "-":
        raise InputError(
            "--json and --record cannot both be standard output", "name a file for one"
        )


def _refuse_profile(profile: str | None) -> None:
    if profile is not None and profile not in PROFILES:
        near = get_close_matches(profile, PROFILES, 1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        known = ", ".join(PROFILES)
        raise InputError(f"there is no profile `{profile}`", f"{hint}known are {known}")


def _report(task: Task, result: Result, paint: Paint) -> Iterator[str]:
    yield f"{task.source} on Linux {task.settings.kernel}, {task.settings.machine}"
    yield from describe_hits(result.tally, paint)
    yield from describe_kinds(result.tally, paint)
    for each in result.examples:
        yield from describe_disagreement(each, paint, shrunk=task.live)
    yield from describe_summary(result.tally, task.asked, result.seconds, paint)


def _encode(task: Task, result: Result) -> bytes:
    return encode_conform(
        result.tally,
        result.examples,
        task.asked,
        result.seconds,
        source=task.source,
        kernel=task.settings.kernel,
    )


def _status(tally: Tally, asked: int) -> int:
    if tally.disagree:
        return VIOLATED
    return HOLDS if tally.agree == asked else UNDECIDED
