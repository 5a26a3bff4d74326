"""`shootdown replay`: what keeping a device in step costs on a recorded workload."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from shootdown.cli.output import JsonOutput
from shootdown.cli.progress import LiveLine
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.drivers.driver import Driver
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.catalogue import ARCHITECTURES, find_architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.version import Version, parse_version, show_version
from shootdown.machine.result import Engine
from shootdown.replay.bill import Bill
from shootdown.replay.policy import Policy
from shootdown.replay.run import replay
from shootdown.replay.script import Script
from shootdown.report.bill_json import encode_bill
from shootdown.report.bill_terminal import describe_bill
from shootdown.scenarios.kernels import kernel_for, misfit, refuse_kernel
from shootdown.scenarios.target import find_drivers
from shootdown.traces.trace import load

HELP = """Run a recorded workload through drivers, and count what it costs to keep a device in step.

TRACE is what `shootdown record` or `shootdown import` wrote. Counts are exact for the model and for
the stated assumption about who touches which page; they are events, not time.
"""

Payer = tuple[str, type[Driver], Version]


@click.command(name="replay", help=HELP)
@click.argument("trace")
@click.option(
    "--driver",
    "targets",
    metavar="D",
    multiple=True,
    required=True,
    help="Driver to bill, as for check; may be given several times.",
)
@click.option(
    "--kernel",
    "kernels",
    metavar="V",
    multiple=True,
    help="Kernel to bill on; may be given several times. Default: the newest each driver fits.",
)
@click.option(
    "--arch",
    metavar="A",
    default="x86",
    show_default=True,
    help=f"Architecture to bill on: {', '.join(ARCHITECTURES)}.",
)
@click.option(
    "--touch",
    type=click.IntRange(0),
    metavar="N",
    help="Pages of each newly accessible range that are touched. Default: all of them.",
)
@click.option(
    "--working-set",
    type=click.IntRange(0, 1 << 20),
    default=64,
    show_default=True,
    metavar="N",
    help="Pages that the device touches again after every call.",
)
@click.option(
    "--engine",
    type=click.Choice(["native", "python"]),
    default="native",
    show_default=True,
    help="Compiled steps, or the slow reference that needs no LLVM.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write the bill as shootdown.bill/1; `-` is standard output.",
)
def command(  # noqa: PLR0917 - click passes them by name
    trace: str,
    targets: tuple[str, ...],
    kernels: tuple[str, ...],
    arch: str,
    touch: int | None,
    working_set: int,
    engine: Engine,
    json_file: str | None,
) -> int:
    """Reads the trace twice: once for its size, once for its calls."""
    drivers = [pair for target in dict.fromkeys(targets) for pair in find_drivers(target)]
    payers = choose_payers(drivers, [parse_version(kernel) for kernel in dict.fromkeys(kernels)])
    chosen = find_architecture(arch)
    with JsonOutput(json_file) as output:
        bill = make_bill(trace, payers, Policy(touch, working_set), engine, chosen)
        stream = sys.stderr if output.to_stdout else sys.stdout
        print_lines(describe_bill(bill, paint_for(stream)), stream)
        output.write(encode_bill(bill))
    return 0


def choose_payers(
    drivers: Sequence[tuple[str, type[Driver]]], kernels: Sequence[Version]
) -> list[Payer]:
    """Every driver on every kernel that it can run on, which must be one at least."""
    found: list[Payer] = []
    for name, driver in drivers:
        if not kernels:
            found.append((name, driver, kernel_for(name, driver, None)))
            continue
        fitting = [kernel for kernel in kernels if misfit(driver, kernel) is None]
        if not fitting:
            raise refuse_kernel(name, driver, kernels[0])
        found += [(name, driver, kernel) for kernel in fitting]
        for kernel in kernels:
            if kernel not in fitting:
                text = f"{name} is left out on Linux {show_version(kernel)}"
                print(f"{text}: {misfit(driver, kernel)}", file=sys.stderr)
    return found


def make_bill(
    trace: str,
    payers: Sequence[Payer],
    policy: Policy,
    engine: Engine,
    arch: type[Architecture] = X86,
) -> Bill:
    """The bill, with a live line while it takes long."""
    live, started = LiveLine(), time.monotonic()

    def tell(name: str, commands: int) -> None:
        live.tell(f"{name}: {commands:,} commands", time.monotonic() - started)

    script = Script(load(trace).calls)
    try:
        return replay(script, payers, trace, policy=policy, engine=engine, arch=arch, progress=tell)
    finally:
        live.clear()
