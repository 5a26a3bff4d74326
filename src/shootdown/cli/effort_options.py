"""The options that say how to search; a command that takes them gets one `Effort`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any

import click

from shootdown.cli.options import Seconds, Size
from shootdown.machine.reductions import Reductions
from shootdown.machine.result import Limits, Liveness
from shootdown.scenarios.effort import Effort

_REDUCTIONS = {
    "merge": "Make every access to shared state a step, also where nobody could notice.",
    "dead_variables": "Tell states apart by local values that nobody will read, too.",
    "partial_order": "Try steps in every order, also where nobody could notice.",
    "symmetry": "Tell states apart by which of several equal actors or page frames is which, too.",
}
"""what a search does without each of the reductions"""

_OPTIONS = [
    click.option(
        "--memory",
        type=Size(),
        metavar="SIZE",
        help="Memory for states, as 4G or 512M, shared by all workers. "
        "Default: 3/4 of what is free.",
    ),
    click.option(
        "--states",
        type=click.IntRange(1),
        metavar="N",
        help="Stop a scenario after so many states.",
    ),
    click.option(
        "--time",
        "seconds",
        type=Seconds(),
        metavar="SECONDS",
        help="Stop the check of a target after so many seconds.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["native", "python"]),
        default="native",
        show_default=True,
        help="Compiled search, or the slow reference that needs no LLVM.",
    ),
    click.option(
        "--all-rules",
        is_flag=True,
        help="Go on after a broken rule: a shortest run for each rule that can be broken.",
    ),
    click.option(
        "--liveness",
        is_flag=True,
        help="Also look for runs that go on for ever in which nobody ever gets anything done.",
    ),
    click.option(
        "--starvation",
        is_flag=True,
        help="As --liveness, and for runs in which somebody gets nothing done while others do.",
    ),
    click.option(
        "--races",
        is_flag=True,
        help="Report data races, as the rule data-race: two accesses to the same state at the same "
        "time, one a write, one plain.",
    ),
    click.option(
        "--profile",
        is_flag=True,
        help="Also count what each line of source costs; without symmetry and partial order.",
    ),
    *(
        click.option(
            f"--no-{field.name.replace('_', '-')}",
            f"no_{field.name}",
            is_flag=True,
            help=_REDUCTIONS[field.name],
        )
        for field in fields(Reductions)
    ),
]


def effort_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a search, put together as its parameter `effort`."""

    @wraps(command)
    def collected(**given: Any) -> Any:
        reductions = Reductions(
            **{f.name: not given.pop(f"no_{f.name}") for f in fields(Reductions)}
        )
        limits = Limits(given.pop("states"), given.pop("seconds"), given.pop("memory"))
        liveness = Liveness.asked(given.pop("liveness"), given.pop("starvation"))
        effort = Effort(
            given.pop("engine"),
            limits,
            reductions,
            given.pop("all_rules"),
            given.pop("races"),
            liveness=liveness,
            profile=given.pop("profile"),
        )
        return command(effort=effort, **given)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected
