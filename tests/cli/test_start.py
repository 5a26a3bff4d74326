"""The command starts at once, and says what it can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from shootdown import __version__
from shootdown.cli.main import COMMANDS, shootdown

SOURCE = Path(__file__).parents[2] / "src"
HEAVY = ("llvmlite", "numpy", "pyarrow", "rich", "msgspec", "shootdown.lang")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["-h"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """The list of commands is known without importing one."""
    code = (
        "import sys\n"
        "from shootdown.cli.main import main\n"
        f"sys.argv = ['shootdown', *{words}]\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == "[]\n"


def test_version(run) -> None:
    """Name and version."""
    assert run("--version").output == f"shootdown, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_sentence(name: str) -> None:
    """And every command a help text."""
    command = shootdown.get_command(click.Context(shootdown), name)
    assert command is not None
    assert command.name == name
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts
            assert parameter.help.endswith("."), parameter.opts


def test_list_of_commands_has_their_summaries(run) -> None:
    """In the order of main.COMMANDS."""
    shown = run("--help").output
    places = [shown.index(row.summary) for row in COMMANDS.values()]
    assert places == sorted(places)
