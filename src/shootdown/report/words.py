"""State and its changes in a kernel developer's words.

`memory.refcount[1]: 1 → 0` is what the model did; `pfn 1: refcount 1 → 0, freed` is what it means.
Names lose the part that holds them (`mm.pte[0]` is `pte[0]`) unless two parts have the same name.
What only the model needs (where the allocator looks next, what an mmu_gather has collected) is
left out here, and is in the JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from shootdown.scenarios.verdict import Change, Counterexample, Reading

_HOLDERS = ("mm", "memory", "driver")
_internal = re.compile(r"task\d+\..*|memory\.cursor").fullmatch
_element = re.compile(r"(.*)\[(\d+)\]").fullmatch
_refcount = re.compile(r"memory\.refcount\[(\d+)\]").fullmatch
_unit = re.compile(r"(?:device|cpu)\d+\.").match
_LOCKED = ("held by ", "read-held", "write-held")


class Names:
    """Short names of the state of one counterexample."""

    def __init__(self, counterexample: Counterexample) -> None:
        found = {_base(change.what) for change in counterexample.start}
        for step in counterexample.steps:
            found |= {_base(change.what) for change in step.changes}
            found |= {_base(reading.what) for reading in (*step.reads, *step.unchanged)}
        short: dict[str, set[str]] = {}
        for name in found:
            short.setdefault(_without_holder(name), set()).add(name)
        self._ambiguous = {name for names in short.values() if len(names) > 1 for name in names}

    def short(self, what: str, actor: str = "") -> str:
        """The name as this actor would say it."""
        if actor and what.startswith(f"{actor}."):
            return what.removeprefix(f"{actor}.")
        return what if _base(what) in self._ambiguous else _without_holder(what)


def is_internal(what: str) -> bool:
    """State of the model that no kernel developer asks for."""
    return _internal(what) is not None


def is_lock(change: Change) -> bool:
    """Whether this is a lock that was taken or dropped."""
    return any(value.startswith(_LOCKED) for value in (change.before, change.after))


def say_changes(names: Names, actor: str, changes: Sequence[Change]) -> Iterator[str]:
    """One line for each change; neighbours that changed alike share one."""
    shown = [c for c in changes if not is_internal(c.what) and not is_lock(c)]
    for _, group in groupby(shown, lambda c: (_base(c.what), c.before, c.after)):
        row = list(group)
        change = row[0]
        frame = _refcount(change.what)
        if frame:
            yield from (_say_refcount(c) for c in row)
        else:
            name = names.short(_span([c.what for c in row]), actor)
            yield f"{name}: {change.before} → {change.after}"
    yield from (_say_lock(names, c) for c in changes if is_lock(c) and not _is_held(c.after))


def say_unchanged(names: Names, actor: str, unchanged: Sequence[Reading]) -> Iterator[str]:
    """One line for each thing that was written and had that value before."""
    shown = [r for r in unchanged if not is_internal(r.what)]
    for _, group in groupby(shown, lambda r: (_base(r.what), r.value)):
        row = list(group)
        yield f"{names.short(_span([r.what for r in row]), actor)}: {row[0].value} (unchanged)"


def say_reads(names: Names, actor: str, reads: Sequence[Reading]) -> Iterator[str]:
    """`sees pte[0]: pfn 1 rw`, all in one line; what a command asks of hardware is no sight."""
    shown = [r for r in reads if not is_internal(r.what) and not _is_foreign(r.what, actor)]
    if shown:
        yield "sees " + ", ".join(f"{names.short(r.what, actor)}: {r.value}" for r in shown)


def _is_foreign(what: str, actor: str) -> bool:
    return _unit(what) is not None and not what.startswith(f"{actor}.")


def _is_held(value: str) -> bool:
    return value.startswith(_LOCKED)


def _say_lock(names: Names, change: Change) -> str:
    return f"unlocks {names.short(change.what)}"


def _say_refcount(change: Change) -> str:
    frame = _refcount(change.what)
    assert frame is not None
    end = ", freed" if change.after == "0" else ""
    return f"pfn {frame.group(1)}: refcount {change.before} → {change.after}{end}"


def say_start(names: Names, start: Sequence[Change]) -> Iterator[str]:
    """The address space at the beginning: what each page maps; then anything unusual."""
    values = {change.what: change.after for change in start}
    pages = sorted(_indexes(values, "mm.vma"))
    yield from (_say_page(page, values) for page in pages)
    usual = ("mm.vma", "mm.pte", "mm.table", "memory.refcount")
    for change in start:
        if _base(change.what) not in usual and not is_internal(change.what):
            yield f"{names.short(change.what)}: {change.after}"


def _say_page(page: int, values: dict[str, str]) -> str:
    vma, pte = values[f"mm.vma[{page}]"], values.get(f"mm.pte[{page}]", "none")
    rights = "" if vma == "rw" else f" in a VMA that is {vma}"
    if pte == "none":
        return f"page {page} is not present{rights}"
    references = values.get(f"memory.refcount[{pte.split()[1]}]", "0")
    shared = "" if references == "1" else f", {references} references"
    return f"page {page} maps {pte}{shared}{rights}"


def _indexes(values: Iterable[str], base: str) -> Iterator[int]:
    for what in values:
        match = _element(what)
        if match and match.group(1) == base:
            yield int(match.group(2))


def _span(whats: Sequence[str]) -> str:
    """`pte[0]` and `pte[1]` as `pte[0..1]`."""
    first, last = _element(whats[0]), _element(whats[-1])
    if len(whats) == 1 or first is None or last is None:
        return whats[0]
    indexes = [match.group(2) for match in map(_element, whats) if match]
    consecutive = int(last.group(2)) - int(first.group(2)) + 1 == len(whats)
    inside = f"{indexes[0]}..{indexes[-1]}" if consecutive else ", ".join(indexes)
    return f"{first.group(1)}[{inside}]"


def _base(what: str) -> str:
    return what.partition("[")[0]


def _without_holder(what: str) -> str:
    holder, _, name = what.partition(".")
    return name if name and holder in _HOLDERS else what
