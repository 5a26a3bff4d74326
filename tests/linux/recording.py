"""What an operation of Linux does, in order, written in the letters of the call-site table.

One task runs alone, with a subscriber, a CPU and a walk cache that do nothing but count. Its code
is executed on a memory that takes notes, so the order is that of the program, steps or no steps:

| sign | meaning |
|---|---|
| `S0-2` `E0-2` | invalidate_range_start and _end for pages 0 and 1 |
| `P-0` `P+0` | the entry of page 0 is cleared; gets another frame |
| `P~0` `P^0` | the entry of page 0 loses rights; gains rights |
| `C0-2` | a CPU flush |
| `X0-2` | invalidate_range (3.19 to 6.5), arch_invalidate_secondary_tlbs (6.6 on) |
| `I0` `N0` | invalidate_page (until 4.12), change_pte (2.6.32 to 6.9) of page 0 |
| `F0-1` `Y0-1` `Q0` | clear_flush_young, clear_young (4.3 on), test_young (2.6.38 on) |
| `Z0` | release |
| `U0` `T0` | page table 0 is unlinked; goes back to the allocator |
| `H+0` `H-0` | the entry above the pages of table 0 becomes huge; is no longer |
| `R3` | the last reference of frame 3 is dropped |
| `[` `]` | the page-table lock is taken and given back (left out around nothing) |
| `w` `r` `.` | mmap_lock: held for writing, for reading, free (only where asked for) |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shootdown.lang.compile import Entry, Start, compile_system
from shootdown.lang.declare import PageRange, Pte, count, ghost, indivisible
from shootdown.lang.geometry import Geometry
from shootdown.lang.part import Part
from shootdown.lang.tables import Options
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.huge_memory import HugeMemory
from shootdown.linux.hugetlb import Hugetlb
from shootdown.linux.memory import ZERO_FRAME, Memory
from shootdown.linux.mm import Mm
from shootdown.linux.notifiers.generations import generation_for
from shootdown.linux.task import Task
from shootdown.linux.version import parse_version
from shootdown.machine.execution import Ending, Execution
from shootdown.program.kind import READ_WRITE, RIGHTS_BITS, RIGHTS_MASK, make_pte
from shootdown.program.program import Program

CURSOR = 4
"""the first frame that is handed out; those of the start come before it"""


class Subscriber(Part):
    """A driver with every callback, which only listens."""

    def invalidate_range_start(self, range: PageRange) -> None:
        count("S", range.start)
        count("to", range.end)

    def invalidate_range_end(self, range: PageRange) -> None:
        count("E", range.start)
        count("to", range.end)

    def invalidate_page(self, page: int) -> None:
        count("I", page)

    def change_pte(self, page: int, pte: Pte) -> None:
        count("N", page)

    def clear_flush_young(self, range: PageRange) -> bool:
        count("F", range.start)
        count("to", range.end)
        return False

    def clear_young(self, range: PageRange) -> bool:
        count("Y", range.start)
        count("to", range.end)
        return False

    def test_young(self, page: int) -> bool:
        count("Q", page)
        return False

    def release(self) -> None:
        count("Z", 0)

    def invalidate_range(self, range: PageRange) -> None:
        count("X", range.start)
        count("to", range.end)

    def arch_invalidate_secondary_tlbs(self, range: PageRange) -> None:
        count("X", range.start)
        count("to", range.end)


class ListeningCpu(Cpu):
    """A CPU whose flush is only counted."""

    @indivisible
    def flush(self, range: PageRange) -> None:
        count("C", range.start)
        count("to", range.end)


class ListeningWalkCache(Part):
    """Hardware that hears of freed tables, which real hardware does not."""

    @ghost
    def table_freed(self, table: int) -> None:
        count("T", table)


class One(Part):
    """The task, and the operation it performs."""

    def __init__(self, task: Task, function: Callable[..., None], range: PageRange) -> None:
        self.task = task
        self.function = function
        self.range = range

    def run(self) -> None:
        self.function(self.task, self.range)


@dataclass(frozen=True)
class Page:
    """How a page starts: the rights of its VMA, its entry, and the references of the frame."""

    frame: int | None = None
    rights: int = READ_WRITE
    references: int = 1
    vma: int = READ_WRITE
    table: bool = True
    """the page table exists (it does wherever an entry is present)"""
    huge: bool = False
    """it is under a huge entry, and there is no table"""
    shared: bool = False
    """it is a huge page of hugetlb, in a table that another process maps too"""


class Journal(list[str]):
    """What happened, as signs; it also serves as the place where counts are put."""

    def __init__(self, program: Program, locks: bool) -> None:
        super().__init__()
        self.counters = program.counters
        self.names = [variable.name for variable in program.variables]
        self.kinds = [variable.kind for variable in program.variables]
        self.locks = locks

    def counted(self, number: int, amount: int) -> None:
        """A Count was executed."""
        name = self.counters[number]
        if name == "to":
            self[-1] += f"-{amount}"
        elif name in ("S", "E", "X", "C", "T", "I", "N", "F", "Y", "Q", "Z"):
            self.append(f"{name}{amount}")

    def stored(self, variable: int, index: int, old: int, new: int) -> None:
        """A variable was set."""
        match self.names[variable]:
            case "mm.pte":
                self.append(f"P{_change(old, new)}{index}")
            case "mm.table" if old and not new:
                self.append(f"U{index}")
            case "huge.leaf" if old != new:
                self.append(f"H{'+' if new else '-'}{index}")
            case "memory.refcount" if old and not new:
                self.append(f"R{index}")
            case "mm.page_table_lock":
                self.append("[" if new else "]")
            case "mm.mmap_lock" if self.locks:
                kind = self.kinds[variable]
                self.append("." if not new else "r" if new <= kind.readers else "w")

    def text(self) -> str:
        """All signs; `[ P-0 ]` is written `[P-0]`, and locks around nothing are left out."""
        text = " ".join(self).replace("[ ]", "").replace("[ ", "[").replace(" ]", "]")
        return " ".join(text.split())


def _change(old: int, new: int) -> str:
    if not new:
        return "-"
    if not old or old >> RIGHTS_BITS != new >> RIGHTS_BITS:
        return "+"
    return "~" if new & RIGHTS_MASK < old & RIGHTS_MASK else "^"


class Notes:
    """Every variable's elements, and a journal of what is done to them."""

    def __init__(self, program: Program, journal: Journal) -> None:
        self.values = [list(variable.initial) for variable in program.variables]
        for number, index, value in program.initials[0]:
            self.values[number][index] = value
        self.journal = journal

    def load(self, variable: int, index: int) -> int:
        return self.values[variable][index]

    def store(self, variable: int, index: int, value: int) -> None:
        self.journal.stored(variable, index, self.values[variable][index], value)
        self.values[variable][index] = value


class _Counts(list[tuple[int, int]]):
    """Tells a journal of every count, at once."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def append(self, row: tuple[int, int]) -> None:
        self.journal.counted(*row)


@dataclass(frozen=True)
class Record:
    """One operation, done: the journal, and the state it left."""

    text: str
    state: dict[str, list[int]]


def build(
    kernel: str,
    function: Callable[..., None],
    pages: list[Page],
    gather: int,
    range: PageRange,
    *,
    parts: Sequence[Callable[[Mm], object]] = (),
    state: Mapping[str, Sequence[int]] | None = None,
    arch: type[Architecture] = X86,
    ceiling: int = 0,
) -> Program:
    """A machine with these pages, and one task that calls the function."""
    geometry = Geometry(
        pages=len(pages), entries=2, frames=CURSOR + 4, gather=gather, flush_ceiling=ceiling
    )
    memory = Memory(geometry, 4)
    mm = Mm(memory, geometry, parse_version(kernel), arch)
    memory.label, mm.label = "memory", "mm"
    mm.cpus, mm.walk_caches = [ListeningCpu(mm, 0)], [ListeningWalkCache()]
    for part in parts:
        part(mm)
    if any(page.huge for page in pages) and mm.huge is None:
        HugeMemory(mm)
    if any(page.shared for page in pages) and mm.hugetlb is None:
        Hugetlb(mm)
    subscribers: Any = [Subscriber()]
    mm.notifiers = generation_for(parse_version(kernel))(subscribers)
    values: dict[tuple[Any, int], int] = {(memory.refcount, ZERO_FRAME): 1}
    values[memory.cursor, 0] = CURSOR
    for number, page in enumerate(pages):
        values[mm.vma, number] = page.vma
        if page.shared:
            assert mm.hugetlb is not None
            values[mm.hugetlb.shared, number // 2] = 1
        if page.huge:
            assert mm.huge is not None
            values[mm.huge.leaf, number // 2] = 1
        elif page.table:
            values[mm.table, number // 2] = 1
        if page.frame is not None:
            values[mm.pte, number] = make_pte(page.frame, page.rights)
            values[memory.refcount, page.frame] = page.references
    for name, elements in (state or {}).items():
        part_of, _, attribute = name.partition(".")
        declared = getattr(mm if part_of == "mm" else getattr(mm, part_of), attribute)
        values |= {(declared, index): value for index, value in enumerate(elements)}
    entry = Entry("task0", One(Task(mm, 0), function, range).run)
    return compile_system([entry], Options(geometry, counted=True), [Start(values)])


def record(
    kernel: str,
    function: Callable[..., None],
    pages: list[Page],
    *,
    gather: int = 8,
    range: PageRange | None = None,
    choices: tuple[int, ...] = (),
    locks: bool = False,
    parts: Sequence[Callable[[Mm], object]] = (),
    state: Mapping[str, Sequence[int]] | None = None,
    arch: type[Architecture] = X86,
    ceiling: int = 0,
) -> Record:
    """Perform one operation alone; by default on the whole address space. `state` has the elements
    of arrays of the parts, by `part.array`."""
    whole = range or PageRange(0, len(pages))
    program = build(
        kernel, function, pages, gather, whole, parts=parts, state=state, arch=arch, ceiling=ceiling
    )
    journal = Journal(program, locks)
    notes, digits = Notes(program, journal), iter(choices)
    registers = [0] * len(program.actors[0].registers)
    execution = Execution(program, 0, registers, notes, lambda bound: next(digits))
    execution.counts = _Counts(journal)
    ending, at = execution.run(0)
    while ending is Ending.ARRIVED:
        ending, at = execution.run(at)
    assert ending is Ending.HALTED, program.actors[0].code[at]
    names = (variable.name for variable in program.variables)
    return Record(journal.text(), dict(zip(names, notes.values, strict=True)))
