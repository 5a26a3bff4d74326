"""`shootdown check`: every interleaving of a driver, its device and operations, or of a model."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from shootdown.cli.checkpoints import checkpoint_options, kept_check, saved
from shootdown.cli.effort_options import effort_options
from shootdown.cli.errors import HOLDS, UNDECIDED, VIOLATED, InputError
from shootdown.cli.output import JsonOutput
from shootdown.cli.progress import LiveLine
from shootdown.cli.saved_runs import Keeper, saved_run_options, take_again
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.lang.errors import Diagnostic, ModelError
from shootdown.linux.arch.catalogue import ARCHITECTURES, find_architecture
from shootdown.linux.operations.catalogue import OPERATIONS, Operation, find_operation
from shootdown.linux.version import parse_version
from shootdown.program.layout import make_layout
from shootdown.program.listing import list_layout, list_program
from shootdown.report.check_json import encode_check
from shootdown.report.check_terminal import CheckTable, title
from shootdown.scenarios.case import Question
from shootdown.scenarios.check import summarise
from shootdown.scenarios.classes import Target
from shootdown.scenarios.cpus import CPU_KINDS
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.pool import check_on_cores
from shootdown.scenarios.question import CPUS, DEVICES, PAGES, Settings, ask
from shootdown.scenarios.target import find_targets
from shootdown.scenarios.verdict import CheckResult, ScenarioResult, Verdict, overall

if TYPE_CHECKING:
    from shootdown.scenarios.kept_check import KeptCheck

STATUS: dict[Verdict, int] = {"holds": HOLDS, "violated": VIOLATED, "undecided": UNDECIDED}

HELP = f"""Check drivers: can a device ever use a dead translation, hang, storm or deadlock?

TARGET is the name of a shipped driver, a file with drivers or models (mine.py), or one class of it
(mine.py:Mirror). Every operation is checked against every interleaving with the device and the
driver. A model is a protocol by itself: every interleaving of its threads is checked, and options
about Linux and its devices do not go with it.

Operations: {", ".join(OPERATIONS)}.

Exit status: 0 all hold, 1 one is violated, 2 bad input, 3 undecided.
"""


@click.command(name="check", help=HELP)
@click.argument("targets", metavar="TARGET...", nargs=-1)
@click.option(
    "--kernel", metavar="V", help="Kernel version, as 6.6. Default: the newest the driver fits."
)
@click.option(
    "--arch",
    metavar="A",
    help=f"Architecture: {', '.join(ARCHITECTURES)}. Default: {next(iter(ARCHITECTURES))}.",
)
@click.option(
    "--operations", metavar="A,B", help="Operations to check, with commas. Default: all of them."
)
@click.option("--pairs", is_flag=True, help="Check every pair of operations at the same time.")
@click.option("--pages", type=click.IntRange(1, 16), help=f"Size of the mm. Default: {PAGES}.")
@click.option(
    "--devices", type=click.IntRange(1, 4), help=f"Devices of the mm. Default: {DEVICES}."
)
@click.option(
    "--cpus",
    type=click.IntRange(0, 4),
    help=f"CPUs that run user code besides the operations. Default: {CPUS}.",
)
@click.option(
    "--audit",
    is_flag=True,
    help="Also judge the contract: who calls start and end, and who uses what between them.",
)
@click.option(
    "--cpu-kind",
    metavar="K",
    help=f"What those CPUs do: {', '.join(CPU_KINDS)}. Default: {next(iter(CPU_KINDS))}.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Cores to use: for several scenarios at the same time, and for one that takes long.",
)
@effort_options
@checkpoint_options
@saved_run_options
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write shootdown.check/1, one line for each target; `-` is standard output.",
)
@click.option("--verbose", is_flag=True, help="Explain every violated scenario and every step.")
@click.option(
    "--show-program", is_flag=True, help="Print the compiled programs instead of searching them."
)
@click.option(
    "--show-layout", is_flag=True, help="Print how states are packed instead of searching."
)
def command(  # noqa: PLR0917 - click passes them by name
    targets: tuple[str, ...],
    kernel: str | None,
    arch: str | None,
    cpu_kind: str | None,
    operations: str | None,
    pairs: bool,
    pages: int | None,
    devices: int | None,
    cpus: int | None,
    audit: bool,
    workers: int,
    effort: Effort,
    checkpoint: str | None,
    checkpoint_every: float,
    resume: str | None,
    from_file: str | None,
    save_file: str | None,
    test_file: str | None,
    json_file: str | None,
    verbose: bool,
    show_program: bool,
    show_layout: bool,
) -> int:
    """Reads the options; `run_check` does the work."""
    settings = Settings(
        None if kernel is None else parse_version(kernel),
        None if operations is None else _operations(operations),
        pairs,
        pages,
        devices,
        cpus,
        None if arch is None else find_architecture(arch),
        effort,
        audit,
        cpu_kind,
    )
    if from_file is not None:
        return take_again(from_file, targets, json_file=json_file, verbose=verbose)
    if not targets:
        context = click.get_current_context()
        hint = "'TARGET...'"
        raise click.MissingParameter(ctx=context, param_hint=hint, param_type="argument")
    found = _find_all(targets)
    questions = [ask(name, cls, settings) for name, cls in found]
    if show_program or show_layout:
        return _list(questions, show_program, show_layout)
    with kept_check(checkpoint, resume, checkpoint_every, settings) as kept:
        if kept:
            questions = [ask(name, cls, _keeping(settings, kept, name)) for name, cls in found]
        with (
            saved(kept) as ending,
            JsonOutput(json_file) as output,
            Keeper.open(save_file, test_file) as keeper,
        ):
            checks = [run_check(q, workers, output, verbose) for q in questions]
            keeper.keep(checks)
            ending.append(STATUS[overall(check.verdict for check in checks)])
        return ending[0]


def _keeping(settings: Settings, kept: KeptCheck, target: str) -> Settings:
    return replace(settings, effort=replace(settings.effort, keep=kept.keep(target)))


def _operations(text: str) -> tuple[Operation, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("--operations names nothing", f"known are {', '.join(OPERATIONS)}")
    return tuple(find_operation(name) for name in dict.fromkeys(names))


def _find_all(targets: tuple[str, ...]) -> list[tuple[str, Target]]:
    """The drivers and models of all targets; the mistakes of all of them at once."""
    found: list[tuple[str, Target]] = []
    mistakes: list[Diagnostic] = []
    for target in dict.fromkeys(targets):
        try:
            found += find_targets(target)
        except ModelError as error:
            mistakes += error.diagnostics
    if mistakes:
        raise ModelError(mistakes)
    return found


def _list(questions: list[Question], program: bool, layout: bool) -> int:
    for question in questions:
        for case in question.cases:
            click.echo(f"{title(question.subject)}, {case.name}")
            built = case.program()
            if program:
                click.echo("\n".join(list_program(built)))
            if layout:
                click.echo("\n".join(list_layout(built, make_layout(built))))
            click.echo()
    return HOLDS


# --- one target ---------------------------------------------------------------------------------


def run_check(question: Question, workers: int, output: JsonOutput, verbose: bool) -> CheckResult:
    """Print the check of one target while it goes on; what it found.

    The header waits for the first result, since a target that is no valid model has none.
    """
    stream = sys.stderr if output.to_stdout else sys.stdout
    table = CheckTable(question.subject, paint_for(stream))
    results: list[ScenarioResult] = []
    with closing(_results(question, workers)) as rows:
        for result in rows:
            if not results:
                print_lines(table.head(), stream)
            print_lines([table.row(result)], stream)
            results.append(result)
    check = summarise(question, results)
    print_lines([*table.close(check, verbose), ""], stream)
    output.write(encode_check(check))
    return check


def _results(question: Question, workers: int) -> Generator[ScenarioResult]:
    """Results as they come; the live line is gone whenever one is there."""
    live = LiveLine()
    results = check_on_cores(question, workers, live.show, live.note)
    try:
        for result in results:
            live.clear()
            yield result
    finally:
        live.clear()
