"""One memory system call of a recorded program, and the names under which calls are stored.

A trace is a table of calls in the order in which they took effect; `Call` is one row of it, and
its fields are the columns. What a field means depends on the call:

| call | address, length | others |
|---|---|---|
| `mmap` | the new range (failed: what was asked for) | `protection`, `flags`, `fd`, `offset` |
| `munmap`, `mlock`, `munlock` | the range | |
| `mprotect`, `pkey_mprotect` | the range | `protection` |
| `madvise` | the range | `advice` |
| `process_madvise` | the first range; the sum of all lengths | `advice`, `fd` (the pidfd) |
| `mremap` | the old range | `address2`, `length2`: the new one; `flags` |
| `brk` | the part by which the heap grew or shrank, may be empty | `result`: the new break |
| `shmget` | only a length | `result`: the segment |
| `shmat`, `shmdt` | the segment; its length if `shmget` told it | `flags`; `fd`: the segment |
| `remap_file_pages` | the range | `protection`, `flags`, `offset` (of the page, in pages) |
| `msync`, `mlock2` | the range | `flags` |
| `mlockall` | | `flags` |
| `fork`, `vfork`, `clone`, `clone3` | | `child`: the new task; `flags`: `CLONE_*` and signal |
| `execve`, `execveat`, `exit`, `exit_group` | | |
| `exit_mmap` | | not a system call: the last task that used the space `pid` is gone |

*Spaces.* `pid` is the process that owns the address space in which the call took effect, `tid` the
task that made it. Threads, and a `vfork` child until it executes a program, are tasks of another
process's space. So a row means, for the spaces:

- `fork`, `vfork`, `clone`, `clone3` without error: with `CLONE_VM` in `flags` (always set for
  `vfork`) nothing happens; without, the space `child` begins as a copy of `pid`.
- `execve`, `execveat` without error: the space `pid` is emptied, or begins if there was none.
- `exit_mmap`: the space `pid` ends. `exit` and `exit_group` alone end nothing.

*Growing and shrinking.* A `brk` that grew the heap has `result == address + length`; one that
shrank it has `result == address`. Nothing is rounded to pages: lengths are what the program
said.

*Failed calls* are kept, with `error` set, and have no effect.
"""

from __future__ import annotations

from typing import NamedTuple

FORMAT = "shootdown.trace/1"

EXIT_MMAP = "exit_mmap"
"""The row that ends an address space, after the kernel function that tears it down."""

FORKS = ("fork", "vfork", "clone", "clone3")
EXECS = ("execve", "execveat")
EXITS = ("exit", "exit_group")

CALLS = (
    "mmap",
    "munmap",
    "mprotect",
    "pkey_mprotect",
    "mremap",
    "brk",
    "madvise",
    "process_madvise",
    "mlock",
    "mlock2",
    "munlock",
    "mlockall",
    "munlockall",
    "shmget",
    "shmat",
    "shmdt",
    "remap_file_pages",
    "msync",
    *FORKS,
    *EXECS,
    *EXITS,
)
"""Every system call that is recorded. `mmap2` and `old_mmap` are stored as `mmap`. `shmget` maps
nothing, but it alone says how long a segment is."""


class Call(NamedTuple):
    """One row: a call that a program made, or the end of one of its address spaces.

    A named tuple rather than a frozen dataclass: a replay makes millions of them, and a tuple is
    made in a fifth of the time.
    """

    time: int
    """When it took effect, in nanoseconds of the clock named in the trace's metadata."""
    pid: int
    tid: int
    call: str
    address: int | None = None
    length: int | None = None
    address2: int | None = None
    length2: int | None = None
    protection: int | None = None
    flags: int | None = None
    advice: int | None = None
    fd: int | None = None
    offset: int | None = None
    child: int | None = None
    result: int | None = None
    """What the kernel returned; none where it does not return."""
    error: str | None = None
    """The name of the error, or none if the call succeeded."""
    duration: int | None = None
    """Nanoseconds from entry to return, where the recording tells (tracing makes it longer)."""


COLUMNS = Call._fields
