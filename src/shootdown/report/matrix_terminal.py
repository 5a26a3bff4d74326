"""A matrix for people: a line for each operation and driver, and one more for each kind of cell
that is not as expected, or that breaks a rule because the kernel does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median

from shootdown.report.paint import Paint
from shootdown.scenarios.matrix import Cell


def head() -> str:
    """Above the rows."""
    return (
        f"{'operation':32} {'driver':18} {'cells':>5} {'searched':>8} {'states':>10} {'seconds':>8}"
    )


def describe_group(cells: Sequence[Cell], paint: Paint) -> Iterator[str]:
    """All kernels and architectures of one driver and operation."""
    first = cells[0]
    searched = [cell for cell in cells if not cell.repeated]
    states = sum(cell.states for cell in searched)
    seconds = sum(cell.seconds for cell in cells)
    yield (
        f"{first.operation:32} {first.driver:18} {len(cells):5} {len(searched):8} "
        f"{states:10,} {seconds:8.2f}  {_verdicts(cells, paint)}"
    )
    for (good, verdict, rule, expected), group in groupby(sorted(cells, key=_kind), _kind):
        if good and verdict == "holds":
            continue
        where = _kernels(list(group))
        if good:
            yield f"    breaks {rule}, a known bug of {where}"
        elif expected and verdict == "holds":
            text = f"    holds, but {expected} is a known bug of {where}"
            yield paint.verdict("violated", text)
        else:
            yield paint.verdict(verdict, f"    {verdict} {rule} on {where}")


def _kind(cell: Cell) -> tuple[bool, str, str, str]:
    return cell.as_expected, cell.verdict, cell.rule or "", cell.expected or ""


def _verdicts(cells: Sequence[Cell], paint: Paint) -> str:
    if all(cell.as_expected for cell in cells):
        known = any(cell.expected for cell in cells)
        return paint.verdict("holds", "as expected" if known else "holds")
    return paint.verdict("violated", "not as expected")


def _kernels(cells: Sequence[Cell]) -> str:
    """`3.7 (x86), 3.15 (x86, arm64)`"""
    found: dict[str, list[str]] = {}
    for cell in cells:
        found.setdefault(cell.kernel, []).append(cell.arch)
    return ", ".join(f"{kernel} ({', '.join(archs)})" for kernel, archs in found.items())


def describe_matrix(cells: Sequence[Cell], wall: float) -> list[str]:
    """The last lines."""
    searched = sum(not cell.repeated for cell in cells)
    wrong = [cell for cell in cells if not cell.as_expected]
    known = sum(bool(cell.expected) for cell in cells)
    kernels, archs = {cell.kernel for cell in cells}, {cell.arch for cell in cells}
    return [
        "",
        f"{len(cells):,} cells: {len({c.operation for c in cells})} operations, "
        f"{len(kernels)} kernels, {len(archs)} architectures, "
        f"{len({c.driver for c in cells})} drivers. {searched:,} different searches; "
        f"{wall:.0f} s in all, {median(cell.seconds for cell in cells):.2f} s the median cell.",
        f"{len(cells) - known - len(wrong):,} hold, {known:,} are known bugs of their kernel, "
        f"{len(wrong):,} are not as expected.",
    ]
