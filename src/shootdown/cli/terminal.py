"""What the stream that a report goes to can show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import TextIO

from shootdown.report.paint import Paint

PIPE_WIDTH = 100


def paint_for(stream: TextIO) -> Paint:
    """Colour and width of a terminal; plain and 100 columns for anything else.

    https://no-color.org: a variable NO_COLOR that is not empty turns colour off.
    """
    if not stream.isatty():
        return Paint(False, PIPE_WIDTH)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Paint(colour, shutil.get_terminal_size((PIPE_WIDTH, 24)).columns)


def print_lines(lines: Iterable[str], stream: TextIO) -> None:
    """Each line at once, so that a report that is interrupted is complete up to there."""
    for line in lines:
        print(line, file=stream)
    stream.flush()
