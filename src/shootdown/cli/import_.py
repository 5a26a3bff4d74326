"""`shootdown import`: the text of an earlier strace as a trace."""

from __future__ import annotations

import sys

import click

from shootdown.cli.output import JsonOutput
from shootdown.cli.terminal import print_lines
from shootdown.report.trace_json import encode_trace
from shootdown.report.trace_terminal import describe_trace
from shootdown.traces.strace_import import import_strace

HELP = """Turn the text of `strace -f -ttt -o FILE CMD` into a trace.

Lines that do not read are skipped, counted and shown; nothing in the text is executed. `-` reads
standard input.
"""


@click.command(name="import", help=HELP)
@click.argument("source", metavar="FILE")
@click.option("-o", "--output", metavar="FILE", required=True, help="The trace to write (Parquet).")
@click.option(
    "--page-size",
    type=click.IntRange(4096, 1 << 30),
    default=4096,
    show_default=True,
    help="Size of a page where the text was recorded; the text does not tell.",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Also write the summary as shootdown.trace/1; `-` is standard output.",
)
def command(source: str, output: str, page_size: int, json_file: str | None) -> int:
    """Reads the text once, in bounded memory."""
    with JsonOutput(json_file) as out:
        text = sys.stdin.buffer if source == "-" else source
        summary = import_strace(text, output, page_size=page_size)
        print_lines(describe_trace(summary, output), sys.stderr if out.to_stdout else sys.stdout)
        out.write(encode_trace(summary))
    return 0
