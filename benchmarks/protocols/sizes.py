"""Which instances of the protocols there are: by name, so that a child process can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.protocols import hardware, shadow
from shootdown.program.program import Program

BUILDERS = {"shadow": shadow.build, "hardware": hardware.build}
FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Instance:
    """A protocol at one size. `careless` is the protocol with a mistake in it, for tests."""

    protocol: str
    pages: int
    tasks: int
    operations: int
    devices: int
    careless: bool = False

    @property
    def name(self) -> str:
        """`shadow 3p 1t 2o 2d`: pages, tasks, operations of each task, devices."""
        sizes = f"{self.pages}p {self.tasks}t {self.operations}o {self.devices}d"
        return f"{self.protocol} {sizes}"

    @property
    def promela(self) -> Path:
        """The file for SPIN."""
        return FOLDER / f"{self.protocol}.pml"

    @property
    def defines(self) -> list[str]:
        """The sizes for SPIN's preprocessor."""
        return [
            f"-DPAGES={self.pages}",
            f"-DTASKS={self.tasks}",
            f"-DOPERATIONS={self.operations}",
            f"-DDEVICES={self.devices}",
            *(["-DCARELESS"] if self.careless else []),
        ]

    def build(self) -> Program:
        """The program for our machine."""
        make = BUILDERS[self.protocol]
        return make(self.pages, self.tasks, self.operations, self.devices, self.careless)


SMALL = (
    Instance("shadow", 1, 1, 1, 1),
    Instance("shadow", 2, 1, 2, 1),
    Instance("shadow", 2, 1, 1, 2),
    Instance("shadow", 1, 2, 1, 1),
    Instance("hardware", 1, 1, 2, 1),
    Instance("hardware", 2, 1, 2, 1),
    Instance("hardware", 2, 1, 1, 2),
    Instance("hardware", 1, 2, 1, 1),
)
"""For tests: every parameter is more than one somewhere."""

MEASURED = (
    Instance("shadow", 2, 1, 2, 2),
    Instance("shadow", 2, 1, 4, 2),
    Instance("shadow", 3, 1, 2, 2),
    Instance("hardware", 2, 1, 3, 2),
    Instance("hardware", 2, 2, 1, 2),
    Instance("hardware", 2, 1, 3, 3),
)
"""About 1e5, 1e6 and a few 1e6 states of each."""

LARGE = (Instance("hardware", 2, 2, 2, 2),)
"""About 1e7; only when asked for."""
