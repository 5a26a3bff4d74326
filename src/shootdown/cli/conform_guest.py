"""`shootdown conform --guest`: what a real guest sees, against the model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing

from shootdown.cli.bar import Bar
from shootdown.cli.errors import HOLDS, UNDECIDED, VIOLATED, InputError
from shootdown.cli.terminal import print_lines
from shootdown.conform.coherence import PROFILES, Coherence, foresee_all
from shootdown.conform.selection import PROGRAMS
from shootdown.live.generate import generate
from shootdown.live.programs import Program

SHOWN = 5


def run_under_guest(
    programs: int | None, seed: int, profile: str | None, seconds: float | None, workers: int
) -> int:
    """Programs one after the other; what was seen otherwise than foreseen is told."""
    if profile is not None and profile not in PROFILES:
        known = ", ".join(PROFILES)
        raise InputError(f"programs of `{profile}` do not go with --guest", f"choose of {known}")
    asked = programs or PROGRAMS
    chosen = _programs(asked, seed, (profile,) if profile else PROFILES)
    ends = None if seconds is None else time.monotonic() + seconds
    found: list[Coherence] = []
    with Bar(asked) as bar, closing(foresee_all(chosen, workers)) as results:
        for result in results:
            found.append(result)
            bar.show(len(found), f"{sum(each.views for each in found):,} views")
            if ends is not None and time.monotonic() > ends:
                break
    print_lines(list(_report(found, asked)), sys.stdout)
    if any(each.surprises for each in found):
        return VIOLATED
    return HOLDS if len(found) == asked and not _unknown(found) else UNDECIDED


def _programs(count: int, seed: int, profiles: tuple[str, ...]) -> Iterator[Program]:
    return (generate(seed, n, profiles[n % len(profiles)]) for n in range(count))


def _unknown(found: list[Coherence]) -> list[Coherence]:
    return [each for each in found if each.unknown is not None]


def _report(found: list[Coherence], asked: int) -> Iterator[str]:
    surprised = [each for each in found if each.surprises]
    for each in surprised[:SHOWN]:
        first = each.surprises[0]
        operation = each.program.operations[first.number]
        yield f"program {each.program.id} ({each.program.profile}), {operation}:"
        yield (
            f"    page {first.page}, {first.what}: foreseen {_shown(first.foreseen)}, "
            f"the process {_shown(first.process)}, the guest {_shown(first.guest)}"
        )
    views = sum(each.views for each in found)
    yield f"{len(found):,} of {asked:,} programs ran under a guest; {views:,} views compared."
    if _unknown(found):
        yield f"{len(_unknown(found)):,} not to the end: {_unknown(found)[0].unknown}"
    yield (
        f"{len(surprised):,} programs were seen otherwise than the model foresees."
        if surprised
        else "Process and guest saw what the model foresees, every time."
    )


def _shown(value: int | None) -> str:
    return "no access" if value is None else str(value)
