"""Which instances of the protocols there are: by name, so that a child process can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocols import buffer, filter, hardware, rcu, shadow
from shootdown.program.program import Program

BUILDERS: dict[str, Callable[..., Program]] = {
    "shadow": shadow.build,
    "hardware": hardware.build,
    "filter": filter.build,
    "buffer": buffer.build,
    "rcu": rcu.build,
}
PARAMETERS = {
    "shadow": ("pages", "tasks", "operations", "devices"),
    "hardware": ("pages", "tasks", "operations", "devices"),
    "filter": ("threads",),
    "buffer": ("producers", "consumers", "slots", "goods"),
    "rcu": ("readers", "updaters", "objects"),
}
"""what the sizes of an instance mean, in order"""
FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Instance:
    """A protocol at one size. `careless` is the protocol with a mistake in it, for tests."""

    protocol: str
    sizes: tuple[int, ...]
    careless: bool = False

    @property
    def name(self) -> str:
        """`shadow 3p 1t 2o 2d`: pages, tasks, operations of each task, devices."""
        named = zip(self.sizes, PARAMETERS[self.protocol], strict=True)
        return " ".join([self.protocol, *(f"{size}{name[0]}" for size, name in named)])

    @property
    def promela(self) -> Path:
        """The file for SPIN."""
        return FOLDER / f"{self.protocol}.pml"

    @property
    def defines(self) -> list[str]:
        """The sizes for SPIN's preprocessor."""
        named = zip(PARAMETERS[self.protocol], self.sizes, strict=True)
        sizes = [f"-D{name.upper()}={size}" for name, size in named]
        return [*sizes, "-DCARELESS"] if self.careless else sizes

    def build(self) -> Program:
        """The program for our machine."""
        return BUILDERS[self.protocol](*self.sizes, careless=self.careless)


def instances(protocol: str, *sizes: tuple[int, ...]) -> tuple[Instance, ...]:
    """A protocol at several sizes."""
    return tuple(Instance(protocol, one) for one in sizes)


SMALL = (
    *instances("shadow", (1, 1, 1, 1), (2, 1, 2, 1), (2, 1, 1, 2), (1, 2, 1, 1)),
    *instances("hardware", (1, 1, 2, 1), (2, 1, 2, 1), (2, 1, 1, 2), (1, 2, 1, 1)),
    *instances("filter", (2,), (3,)),
    *instances("buffer", (1, 1, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (1, 1, 2, 3)),
    *instances("rcu", (1, 1, 2), (2, 1, 2), (1, 2, 2), (2, 1, 3)),
)
"""For tests: every parameter is more than one somewhere."""

MEASURED = (
    Instance("shadow", (2, 1, 2, 2)),
    Instance("hardware", (2, 1, 3, 2)),
    Instance("rcu", (4, 1, 2)),
    Instance("shadow", (2, 1, 4, 2)),
    Instance("hardware", (2, 2, 1, 2)),
    Instance("rcu", (5, 1, 2)),
    Instance("buffer", (4, 4, 4, 2)),
    Instance("hardware", (2, 1, 3, 3)),
    Instance("filter", (5,)),
    Instance("shadow", (3, 1, 2, 2)),
)
"""About 1e5, 1e6 and a few 1e6 states."""

LARGE = (
    Instance("hardware", (2, 2, 2, 2)),
    Instance("rcu", (6, 1, 2)),
    Instance("shadow", (3, 1, 3, 2)),
    Instance("hardware", (2, 2, 3, 2)),
    Instance("rcu", (6, 2, 3)),
)
"""From 1e7 on; only when asked for."""
