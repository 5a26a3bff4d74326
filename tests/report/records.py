"""A counterexample as the checker yields it, small enough to read: flush before clear."""

from __future__ import annotations

from shootdown.scenarios.verdict import Change, Counterexample, Reading, Step

START = (
    Change("mm.vma[0]", "", "rw"),
    Change("mm.vma[1]", "", "rw"),
    Change("mm.pte[0]", "", "pfn 1 rw"),
    Change("memory.refcount[0]", "", "1"),
    Change("memory.refcount[1]", "", "1"),
    Change("mm.table[0]", "", "true"),
    Change("memory.cursor", "", "2"),
)


def step(
    actor: str,
    place: str,
    function: str,
    text: str,
    *changes: Change,
    reads: tuple[Reading, ...] = (),
    choices: tuple[str, ...] = (),
) -> Step:
    file, _, line = place.partition(":")
    return Step(actor, file, int(line), 8, function, text, choices, reads, changes)


def naive(device: str = "device0", worker: str = "device0") -> Counterexample:
    """munmap by task0; the device loads what was flushed too early."""
    gather, lock = "shootdown/linux/gather.py", "mm.page_table_lock"
    return Counterexample(
        "freed-frame",
        "no access to a freed page frame",
        START,
        (
            step("task0", "shootdown/scenarios/system.py:49", "", "def run(self) -> None:"),
            step(
                "task0",
                "naive.py:9",
                "Naive.invalidate_range_start",
                "self.device.flush(range)",
                reads=(Reading("device0.in_flight", "false"),),
            ),
            step(
                "task0",
                f"{gather}:45",
                "MmuGather.zap_page_range",
                "with self.mm.page_table_lock:",
                Change(lock, "free", "held by task0"),
            ),
            step(
                "task0",
                f"{gather}:51",
                "MmuGather._zap",
                "pte = self.mm.pte[page]",
                reads=(Reading("mm.pte[0]", "pfn 1 rw"),),
            ),
            step(
                device,
                "shootdown/devices/device.py:72",
                "Device.run",
                "page, write, pte = self.issue()",
                Change(f"{device}.tlb[0]", "none", "pfn 1 rw"),
                choices=("page = 0", "write = 0"),
            ),
            step(
                "task0",
                f"{gather}:53",
                "MmuGather._zap",
                "self.mm.pte[page] = EMPTY",
                Change(lock, "held by task0", "free"),
                Change("mm.pte[0]", "pfn 1 rw", "none"),
                Change("task0.gather.end", "0", "1"),
            ),
            step(
                "task0",
                f"{gather}:96",
                "MmuGather.flush",
                "self.mm.memory.put_page(self.frames[self.count])",
                Change("memory.refcount[1]", "1", "0"),
            ),
            step(
                worker,
                "shootdown/devices/device.py:74",
                "Device.run",
                "self.land(page, pte, write)",
                Change(f"{worker}.in_flight", "true", "false"),
            ),
        ),
        ("page = 0", "pte = pfn 1 rw"),
    )
