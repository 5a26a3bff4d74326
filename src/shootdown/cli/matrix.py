"""`shootdown matrix`: drivers under every operation of many kernels and architectures."""

from __future__ import annotations

import sys
import time
from itertools import groupby

import click

from shootdown.cli.errors import HOLDS, UNDECIDED, VIOLATED, InputError
from shootdown.cli.output import JsonOutput
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.drivers.catalogue import CORRECT, DRIVERS
from shootdown.linux.arch.catalogue import ARCHITECTURES, find_architecture
from shootdown.linux.operations.catalogue import OPERATIONS, find_operation
from shootdown.linux.version import parse_version
from shootdown.report.matrix_json import encode_matrix
from shootdown.report.matrix_terminal import describe_group, describe_matrix, head
from shootdown.scenarios.matrix import Cell, Plan, check_matrix, every_kernel
from shootdown.scenarios.target import find_drivers

HELP = f"""Check drivers under every operation of many kernels and architectures.

Each cell is a check of one driver under one operation on one kernel and architecture. Kernels had
bugs: where one is known a cell has to break the same rule, everywhere else it has to hold.

Default drivers: {", ".join(CORRECT)}. Default kernels: the first of every generation of the API,
and the newest.

Exit status: 0 all cells are as expected, 1 some are not, 2 bad input, 3 some are undecided.
"""


@click.command(name="matrix", help=HELP)
@click.option("--drivers", metavar="A,B", help="Shipped drivers, with commas.")
@click.option("--operations", metavar="A,B", help="Operations, with commas. Default: all of them.")
@click.option("--kernels", metavar="V,W", help="Kernel versions, with commas.")
@click.option("--archs", metavar="A,B", help="Architectures. Default: all of them.")
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Cores to use."
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write shootdown.matrix/1; `-` is standard output.",
)
def command(  # noqa: PLR0917 - click passes them by name
    drivers: str | None,
    operations: str | None,
    kernels: str | None,
    archs: str | None,
    workers: int,
    json_file: str | None,
) -> int:
    """Prints a group of cells as soon as it is there."""
    plan = Plan(
        tuple(_drivers(drivers)) if drivers else CORRECT,
        tuple(map(find_operation, _words(operations)))
        if operations
        else tuple(OPERATIONS.values()),
        tuple(map(parse_version, _words(kernels))) if kernels else every_kernel(),
        tuple(find_architecture(name).title for name in _words(archs))
        if archs
        else tuple(ARCHITECTURES),
    )
    if not plan.size:
        raise InputError("there is no cell", "no driver fits any of these kernels and operations")
    started = time.monotonic()
    cells: list[Cell] = []
    with JsonOutput(json_file) as output:
        stream = sys.stderr if output.to_stdout else sys.stdout
        paint = paint_for(stream)
        print_lines([head()], stream)
        found = check_matrix(plan, workers)
        for _, group in groupby(found, lambda cell: (cell.operation, cell.driver)):
            rows = list(group)
            print_lines(list(describe_group(rows, paint)), stream)
            cells += rows
        print_lines(describe_matrix(cells, time.monotonic() - started), stream)
        output.write(encode_matrix(cells))
    return _status(cells)


def _drivers(text: str) -> list[str]:
    for name in _words(text):
        if name not in DRIVERS:
            find_drivers(name)  # says what is near
            raise InputError(f"{name} is no shipped driver", f"known are {', '.join(DRIVERS)}")
    return _words(text)


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _status(cells: list[Cell]) -> int:
    wrong = [cell for cell in cells if not cell.as_expected]
    if any(cell.verdict != "undecided" for cell in wrong):
        return VIOLATED
    return UNDECIDED if wrong else HOLDS
