"""What the process and the device touch: a trace of system calls does not say, so it is stated.

The process touches pages when they become accessible: after mmap, brk and mprotect, in address
order, writing where it may. The device touches what the process touched, when the process touched
it, in the same direction; and after every call it touches its working set again, the pages it used
last, as far as they are still accessible. So a driver that invalidates more than was necessary pays
for it in faults and refills.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """`touch`: pages of each newly accessible range that are touched, None for all of them."""

    touch: int | None = None
    working_set: int = 64
    """pages that the device touches again after every call"""

    def describe(self) -> str:
        """One sentence for the head of a bill."""
        touched = "every page" if self.touch is None else f"the first {self.touch} pages"
        return (
            f"the process touches {touched} of each newly accessible range once; "
            "the device touches the same, and after every call "
            f"its last {self.working_set} pages again"
        )
