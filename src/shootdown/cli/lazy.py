"""A group of commands whose modules are imported when they are needed.

The list of commands that `--help` prints is known here; a module is imported only to run its
command or to print the help of that one. Whatever goes wrong inside a command passes through
`errors`, also in tests, because it is the group's `main` that is overridden.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from shootdown.cli.errors import guard


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is, and its line in the list of commands."""

    module: str
    summary: str


class LazyGroup(click.Group):
    """Commands by name; the module of a command has an attribute `command`."""

    def __init__(self, *, commands_at: dict[str, Command], **settings: Any) -> None:
        super().__init__(**settings)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are declared: the one people need first comes first."""
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of the command."""
        found = self._commands_at.get(cmd_name)
        if found is None:
            return None
        command = import_module(found.module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for one that does not exist."""
        name = args[0]
        if name not in self._commands_at and not name.startswith("-"):
            near = get_close_matches(name, self._commands_at, 1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            known = ", ".join(self._commands_at)
            raise click.UsageError(f"there is no command `{name}`; {hint}known are {known}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in self._commands_at.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command and exit with its status."""
        words = list(sys.argv[1:] if args is None else args)

        def run() -> int:
            with self.make_context(prog_name or "shootdown", list(words), **extra) as context:
                return int(self.invoke(context) or 0)

        sys.exit(guard(run, words))
