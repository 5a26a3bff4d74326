"""Addresses to names of kernel functions, from /proc/kallsyms.

Compilers split functions (`.part.0`, `.constprop.0`, `.isra.0`, `.cold`); the names here are those
of the source.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shootdown.live.errors import MissingMeansError

KALLSYMS = Path("/proc/kallsyms")

_suffix = re.compile(r"\.(part|constprop|isra|cold|llvm|lto_priv)(\..*)?$")


@dataclass(frozen=True, slots=True)
class Symbols:
    """Functions by address, in order."""

    addresses: tuple[int, ...]
    names: tuple[str, ...]

    def name(self, address: int) -> str | None:
        """The function an address is in; None before the first one."""
        at = bisect_right(self.addresses, address) - 1
        return self.names[at] if at >= 0 else None

    def chain(self, addresses: Iterable[int]) -> tuple[str, ...]:
        """The functions of a call chain."""
        found = (self.name(address) for address in addresses)
        return tuple(name for name in found if name is not None)


def parse_symbols(text: str) -> Symbols:
    """The functions of a `kallsyms` file: `ffffffff81000000 T _stext [module]`."""
    rows = (line.split() for line in text.splitlines())
    found = sorted(
        (int(row[0], 16), number, _suffix.sub("", row[2]))
        for number, row in enumerate(rows)
        if len(row) > 2 and row[1] in "tTwW"
    )
    return Symbols(tuple(row[0] for row in found), tuple(row[2] for row in found))


def load_symbols(path: Path = KALLSYMS) -> Symbols:
    """The functions of the running kernel.

    Raises:
        MissingMeansError: if there are none, or their addresses are hidden.
    """
    try:
        symbols = parse_symbols(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingMeansError(
            f"{path} is not there",
            "to name the functions of a call chain",
            "use a kernel built with CONFIG_KALLSYMS",
        ) from error
    if not any(symbols.addresses):
        raise MissingMeansError(
            f"the addresses in {path} are hidden",
            "to name the functions of a call chain",
            "run with CAP_SYSLOG, or set kernel.kptr_restrict to 0",
        )
    return symbols
