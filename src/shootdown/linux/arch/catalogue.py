"""The architectures by name."""

from __future__ import annotations

from difflib import get_close_matches

from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.arm64 import Arm64, Arm64Btm
from shootdown.linux.arch.powerpc import Powerpc
from shootdown.linux.arch.x86 import X86

ARCHITECTURES: dict[str, type[Architecture]] = {
    arch.title: arch for arch in (X86, Arm64, Arm64Btm, Powerpc)
}
"""the first one is what is checked unless somebody says otherwise"""

OTHER_NAMES = {
    "x86_64": "x86", "x86-64": "x86", "amd64": "x86", "i386": "x86",
    "aarch64": "arm64", "armv8": "arm64",
    "ppc64": "powerpc", "ppc64le": "powerpc", "ppc": "powerpc", "radix": "powerpc",
}  # fmt: skip
"""what others call them, for a hint"""


class UnknownArchitectureError(ValueError):
    """There is no such architecture."""


def find_architecture(name: str) -> type[Architecture]:
    """The architecture of that name.

    Raises:
        UnknownArchitectureError: with the nearest name, and all of them.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    lower = name.lower()
    near = [OTHER_NAMES[lower]] if lower in OTHER_NAMES else []
    near += get_close_matches(lower, ARCHITECTURES, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UnknownArchitectureError(
        f"there is no architecture `{name}`; {hint}known are {', '.join(ARCHITECTURES)}"
    )
