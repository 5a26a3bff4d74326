"""System calls as a process makes them: checks, VMAs, errors, and then what `check` explores.

A function here finds the VMAs that a call concerns, splits and merges them, and says what the call
returns; what happens to page tables, and who is told of it, is done by the very functions that the
operations in `operations` consist of. They need an address space with `Vmas` and `Markers`.

`process` is who makes them.

All of them return 0 or an error as a negative number. Source: mm/ of Linux 6.18.
"""
