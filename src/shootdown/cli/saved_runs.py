"""`--from`, `--save`, `--write-test`: counterexamples that outlive the check that found them."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from shootdown.cli.errors import HOLDS, VIOLATED, InputError
from shootdown.cli.options import given_options
from shootdown.cli.output import JsonOutput
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.scenarios.verdict import CheckResult

_OPTIONS = [
    click.option(
        "--from",
        "from_file",
        metavar="FILE",
        help="Take the runs in FILE (of --save or --json) again, on the driver as it is now.",
    ),
    click.option(
        "--save",
        "save_file",
        metavar="FILE",
        help="Also write every counterexample to FILE, for --from.",
    ),
    click.option(
        "--write-test",
        "test_file",
        metavar="FILE",
        help="Also write a new pytest file, which fails until the driver is right.",
    ),
]


def saved_run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


# --- writing ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Keeper:
    """Writes down what a check found, if that was asked for. The files are opened before."""

    runs: JsonOutput
    test: Path | None
    shown: str
    files: ExitStack

    @classmethod
    def open(cls, save_file: str | None, test_file: str | None) -> Keeper:
        """Find out that something cannot be written before anybody waits for it.

        Raises:
            InputError: if it cannot.
        """
        test = None if test_file is None else Path(test_file)
        if test is not None and test.exists():
            raise InputError(
                f"{test_file} exists", "tests are not written over; name a new file, or remove it"
            )
        if test is not None and not os.access(test.absolute().parent, os.W_OK):
            raise InputError(
                f"cannot write {test_file}", "choose a file in a directory that may be written"
            )
        files = ExitStack()
        return cls(files.enter_context(JsonOutput(save_file)), test, test_file or "", files)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, *error: Any) -> None:
        self.files.__exit__(*error)

    def keep(self, checks: Sequence[CheckResult]) -> None:
        """Write the counterexamples of all checks."""
        from shootdown.scenarios.saved_run import encode_run, runs_of

        for check in checks:
            for run in runs_of(check):
                for line in encode_run(run):
                    self.runs.write(line)
        if self.test is not None:
            self._write_test(self.test, checks)

    def _write_test(self, path: Path, checks: Sequence[CheckResult]) -> None:
        from shootdown.report.pytest_source import write_test

        command = f"shootdown {shlex.join(sys.argv[1:])}"
        text = write_test(checks, command, path.absolute().parent)
        if not text:
            broke = any(check.verdict == "violated" for check in checks)
            why = "what broke is no run that ends" if broke else "nothing broke"
            print_lines([f"{why}, so {self.shown} was not written"], sys.stderr)
            return
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise InputError(f"cannot write {self.shown}: {error.strerror}") from None


# --- taking again -------------------------------------------------------------------------------

_GO_WITH_FROM = {"from_file", "json_file", "verbose"}


def take_again(
    from_file: str,
    targets: Sequence[str],
    *,
    json_file: str | None,
    verbose: bool,
) -> int:
    """`--from`: exit status 1 if a run still breaks a rule, 0 if none does.

    Raises:
        InputError: for options that do not go with it.
        TargetError: for a file or a target that cannot be used.
    """
    from shootdown.report.rerun import describe_rerun, encode_rerun
    from shootdown.scenarios.rerun import refuse_elsewhere, rerun_saved
    from shootdown.scenarios.saved_run import load_runs

    for option in given_options(click.get_current_context()):
        if option.name not in _GO_WITH_FROM:
            raise InputError(
                f"{option.opts[0]} does not go with --from",
                "the file says what the run is about, and nothing is searched",
            )
    if len(targets) > 1:
        raise InputError("--from takes one target", "name the driver that the run is about")
    runs = load_runs(from_file)
    broken = False
    with JsonOutput(json_file) as output:
        stream = sys.stderr if output.to_stdout else sys.stdout
        for run in runs:
            if not targets:
                refuse_elsewhere(run.target)
            found = rerun_saved(run, targets[0] if targets else None)
            print_lines([*describe_rerun(found, paint_for(stream), verbose), ""], stream)
            output.write(encode_rerun(found))
            broken |= found.verdict == "violated"
    return VIOLATED if broken else HOLDS
