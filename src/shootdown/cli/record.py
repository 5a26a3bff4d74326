"""`shootdown record`: a real command under strace, its memory system calls as a trace.

The command owns standard output, so the summary goes to standard error.
"""

from __future__ import annotations

import sys

import click

from shootdown.cli.output import JsonOutput
from shootdown.cli.terminal import print_lines
from shootdown.report.trace_json import encode_trace
from shootdown.report.trace_terminal import describe_trace
from shootdown.traces.record import record

HELP = """Record the memory system calls of a command, by running it under strace.

    shootdown record -o sort.parquet -- sort /etc/services

What the command prints is passed through. The status is 0 when the trace is complete, whatever the
command itself returned; that is in the summary.
"""


@click.command(name="record", help=HELP, context_settings={"allow_interspersed_args": False})
@click.option(
    "--with",
    "tool",
    type=click.Choice(["strace"]),
    default="strace",
    show_default=True,
    help="The program that watches the command.",
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The trace to write (Parquet).")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write the summary as shootdown.trace/1; `-` is standard output, at its end.",
)
@click.argument("words", metavar="-- CMD...", nargs=-1, type=click.UNPROCESSED)
def command(tool: str, output: str, json_file: str | None, words: tuple[str, ...]) -> int:
    """Runs the command to its end. `tool` has one value so far."""
    with JsonOutput(json_file) as out:
        summary = record(list(words), output)
        print_lines(describe_trace(summary, output), sys.stderr)
        out.write(encode_trace(summary))
    return 0
