"""`--checkpoint` and `--resume`: a check that survives its end."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shootdown.cli.errors import UNDECIDED, InputError, Terminated
from shootdown.cli.options import Seconds, given_options
from shootdown.scenarios.question import Settings

if TYPE_CHECKING:
    from shootdown.scenarios.kept_check import KeptCheck

SECONDS = 60.0

_OPTIONS = [
    click.option(
        "--checkpoint",
        metavar="FOLDER",
        help="Keep the check in a new folder, to go on with it by --resume after whatever end.",
    ),
    click.option(
        "--checkpoint-every",
        type=Seconds(),
        default=SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="How often a search under way is saved.",
    ),
    click.option(
        "--resume",
        metavar="FOLDER",
        help="Go on with the check that is kept there, and keep it there.",
    ),
]


def checkpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def kept_check(
    checkpoint: str | None, resume: str | None, seconds: float, settings: Settings
) -> Iterator[KeptCheck | None]:
    """The folder of the check, if one was asked for.

    Raises:
        InputError: for options that do not go together.
        CheckpointError: if the folder cannot be used.
    """
    if not (checkpoint or resume):
        if any(o.name == "checkpoint_every" for o in given_options(click.get_current_context())):
            raise InputError(
                "--checkpoint-every without --checkpoint or --resume keeps nothing",
                "add --checkpoint FOLDER, or leave it out",
            )
        yield None
        return
    _refuse(checkpoint, resume, settings)
    from shootdown.scenarios.kept_check import KeptCheck, asked_for

    targets = click.get_current_context().params["targets"]
    folder = Path(checkpoint or resume or "")
    kept = KeptCheck(folder, asked_for(targets, settings), seconds)
    if resume:
        kept.resume()
    else:
        kept.begin()
    try:
        yield kept
    finally:
        kept.close()


def _refuse(checkpoint: str | None, resume: str | None, settings: Settings) -> None:
    option = "--resume" if resume else "--checkpoint"
    if checkpoint and resume:
        raise InputError(
            "--checkpoint and --resume do not go together",
            "--resume alone goes on in the folder, and keeps the check there",
        )
    if settings.effort.engine == "python":
        raise InputError(
            f"{option} needs the native engine", f"leave out {option}, or --engine python"
        )
    for name in ("races", "profile"):
        if getattr(settings.effort, name):
            raise InputError(
                f"{option} does not go with --{name}, which looks at all states at the end",
                f"leave out {option}, or check without --{name} first",
            )


@contextmanager
def saved(kept: KeptCheck | None) -> Iterator[list[int]]:
    """Around a check; the list takes its exit status. Where the check is kept, one that was stopped
    is undecided like one that met a limit, and both tell how to go on."""
    ending: list[int] = []
    try:
        yield ending
    except (KeyboardInterrupt, Terminated):
        if kept is None:
            raise
        ending[:] = [UNDECIDED]
        click.echo("stopped; what is printed above is complete, the rest is undecided", err=True)
    if kept is not None and ending == [UNDECIDED]:
        click.echo(
            f"the check is kept in {kept.folder}; to go on, with more room where a limit was met:\n"
            f"  {resume_command(kept.folder)}",
            err=True,
        )


def resume_command(folder: Path) -> str:
    """What to type in order to go on, in the same directory."""
    context = click.get_current_context()
    words = [*context.command_path.split(), *context.params["targets"]]
    for option in given_options(context):
        name = option.name or ""
        if name in {"checkpoint", "resume"}:
            continue
        words.append(option.opts[0])
        if not option.is_flag:
            words.append(str(context.params[name]))
    return shlex.join([*words, "--resume", str(folder)])
