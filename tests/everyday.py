"""A few operations, for tests that are about something else: what a request, a reduction or an
engine does with operations, whatever they are."""

from __future__ import annotations

from shootdown.linux.operations.catalogue import find_operation

EVERYDAY = (
    "read_fault", "write_fault", "mmap", "munmap", "madvise_dontneed", "mprotect", "fork",
)  # fmt: skip
OPERATIONS = tuple(map(find_operation, EVERYDAY))
