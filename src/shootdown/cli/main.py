"""The command `shootdown`.

Nothing heavy is imported here: `shootdown --help` is for people who wait for it.
"""

from __future__ import annotations

import gc
import os
import sys

import click

from shootdown import __version__
from shootdown.cli.lazy import Command, LazyGroup

COMMANDS = {
    "check": Command(
        "shootdown.cli.check", "Check a driver, or a model, against every interleaving."
    ),
    "matrix": Command(
        "shootdown.cli.matrix", "Check drivers on many kernels, under every operation."
    ),
    "record": Command("shootdown.cli.record", "Record the memory system calls of a command."),
    "import": Command("shootdown.cli.import_", "Turn the text of an earlier strace into a trace."),
    "replay": Command("shootdown.cli.replay", "Bill drivers for a recorded workload."),
    "conform": Command(
        "shootdown.cli.conform", "Compare the model of Linux with the running kernel."
    ),
    "demo": Command("shootdown.cli.demo", "Two checks and a bill, in less than a minute."),
}

HELP = """Check, price and watch Linux mmu_notifier drivers.

Exit status: 0 holds or done, 1 violated, 2 bad input or missing means, 3 undecided, 70 our bug.
"""


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="shootdown")
def shootdown() -> None:
    """Documented by HELP, which is what users see."""


def main() -> None:
    """The entry point of the package."""
    # Importing and compiling make many objects and no garbage: looking for it after every 700 of
    # them is a tenth of the time to the first verdict.
    gc.set_threshold(100_000, 50, 50)
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    shootdown.main(prog_name="shootdown")


def _open_streams() -> None:
    """Python has None where a standard stream was closed. What is said there goes nowhere, and no
    other file gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - to the end
