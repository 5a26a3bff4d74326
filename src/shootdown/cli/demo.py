"""`shootdown demo`: wrong drivers, right ones, and what a real program costs three of them.

The verdicts are known; another one is a bug of ours, and the demo says so.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from shootdown.cli.check import run_check
from shootdown.cli.output import JsonOutput
from shootdown.cli.replay import make_bill
from shootdown.cli.terminal import paint_for, print_lines
from shootdown.drivers.catalogue import DRIVERS
from shootdown.linux.operations.catalogue import find_operation
from shootdown.linux.version import parse_version
from shootdown.replay.policy import Policy
from shootdown.report.bill_terminal import describe_bill
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.verdict import Verdict
from shootdown.traces.record import record
from shootdown.traces.strace_tool import find_strace

OPERATIONS = ("munmap", "madvise_dontneed", "mprotect")
CHECKS: tuple[tuple[str, str, Verdict, str], ...] = (
    (
        "naive-tlb",
        "3.18",
        "violated",
        "A driver that flushes before and after, but not when it counts:",
    ),
    (
        "amd-iommu-v2",
        "3.18",
        "violated",
        "What AMD did about it: no page table at all for the device in between. Safe, but:",
    ),
    ("sva", "6.6", "holds", "The same hardware, flushed when Linux flushes the CPUs:"),
    ("kvm", "6.6", "holds", "Page tables of its own, with a sequence count and retry:"),
)
PAYERS = (("amd-iommu-v2", "3.18"), ("invalidate-range", "6.5"), ("sva", "6.6"))
TRACE = "python.parquet"
WORKLOAD = ("-c", "import json, decimal, asyncio")

HELP = """Check two wrong drivers and two right ones, then bill three for a real program.

Takes less than a minute. The second half runs this Python under strace.
"""


@click.command(name="demo", help=HELP)
def command() -> int:
    """Checks, one recording, one bill."""
    for target, kernel, expected, text in CHECKS:
        print_lines(
            [
                f"# {text}",
                f"$ shootdown check {target} --kernel {kernel} --operations {','.join(OPERATIONS)}",
                "",
            ],
            sys.stdout,
        )
        found = _check(target, kernel)
        if found != expected:
            raise AssertionError(f"{target} on {kernel}: expected {expected}, found {found}")
    _bill()
    return 0


def _check(target: str, kernel: str) -> Verdict:
    wanted = tuple(map(find_operation, OPERATIONS))
    request = Request(DRIVERS[target], target, parse_version(kernel), wanted)
    with JsonOutput(None) as nowhere:
        return run_check(request, 1, nowhere, verbose=False).verdict


def _bill() -> None:
    find_strace()
    with tempfile.TemporaryDirectory(prefix="shootdown-demo-") as directory:
        trace = str(Path(directory) / TRACE)
        words = [sys.executable, *WORKLOAD]
        lines = [
            "# What a real program costs a device that shares its address space, under three",
            "# drivers, each on a kernel of its time:",
            f"$ shootdown record -o {TRACE} -- python3 {WORKLOAD[0]} '{WORKLOAD[1]}'",
            *(
                f"$ shootdown replay {TRACE} --driver {name} --kernel {kernel}"
                for name, kernel in PAYERS
            ),
            "",
        ]
        print_lines(lines, sys.stdout)
        record(words, trace)
        payers = [(name, DRIVERS[name], parse_version(kernel)) for name, kernel in PAYERS]
        bill = make_bill(trace, payers, Policy(), "native")
        bill = replace(bill, trace=TRACE)
        print_lines(describe_bill(bill, paint_for(sys.stdout)), sys.stdout)
