"""From a target and the options somebody gave to the question that is checked.

The command line and `shootdown.check` both come through here, so that they mean the same by an
option and refuse the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shootdown.drivers.driver import Driver
from shootdown.lang.model import Model
from shootdown.linux.arch.architecture import Architecture
from shootdown.linux.arch.x86 import X86
from shootdown.linux.cpu import Cpu
from shootdown.linux.operations.catalogue import OPERATIONS, Operation
from shootdown.linux.version import Version, show_version
from shootdown.scenarios.case import Question
from shootdown.scenarios.classes import Target
from shootdown.scenarios.cpus import find_cpu
from shootdown.scenarios.driver_request import Request
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.kernels import callbacks_of, kernel_for
from shootdown.scenarios.model_request import ModelRequest


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for. None is what nobody gave; False for a switch."""

    kernel: Version | None = None
    operations: tuple[Operation, ...] | None = None
    pairs: bool = False
    pages: int | None = None
    devices: int | None = None
    cpus: int | None = None
    arch: type[Architecture] | None = None
    effort: Effort = field(default_factory=Effort)
    audit: bool = False
    cpu_kind: str | None = None

    @property
    def about_drivers(self) -> list[str]:
        """The options given that mean something for a driver only."""
        given = {
            "kernel": self.kernel is not None,
            "operations": self.operations is not None,
            "pairs": self.pairs,
            "pages": self.pages is not None,
            "devices": self.devices is not None,
            "cpus": self.cpus is not None,
            "audit": self.audit,
            "arch": self.arch is not None,
            "cpu-kind": self.cpu_kind is not None,
        }
        return [name for name, was_given in given.items() if was_given]


PAGES, DEVICES, CPUS = 2, 1, 0
"""sizes nobody asked for"""


def ask(name: str, cls: Target, settings: Settings) -> Question:
    """The question about one driver or model.

    Raises:
        TargetError: for options that do not go with it.
    """
    if issubclass(cls, Model):
        return _ask_model(name, cls, settings)
    assert issubclass(cls, Driver)
    kernel = kernel_for(name, cls, settings.kernel)
    return Request(
        cls,
        name,
        kernel,
        operations_for(kernel, settings.operations, callbacks_of(cls)),
        settings.pairs,
        PAGES if settings.pages is None else settings.pages,
        DEVICES if settings.devices is None else settings.devices,
        CPUS if settings.cpus is None else settings.cpus,
        X86 if settings.arch is None else settings.arch,
        settings.effort,
        settings.audit,
        _cpu(settings),
    )


def _cpu(settings: Settings) -> type[Cpu]:
    """What CPUs do, of which there must be one if somebody says."""
    if settings.cpu_kind is None:
        return Cpu
    kind = find_cpu(settings.cpu_kind)
    if not settings.cpus:
        raise TargetError("cpu-kind says what CPUs do, and there are none", "add --cpus 1")
    return kind


def operations_for(
    kernel: Version,
    wanted: tuple[Operation, ...] | None = None,
    callbacks: frozenset[str] = frozenset(),
) -> tuple[Operation, ...]:
    """The operations that were asked for; if nobody asked, all that the kernel has and a driver
    with these callbacks is ready for.

    Raises:
        TargetError: for one that the kernel does not have.
    """
    if wanted is None:
        return tuple(each for each in OPERATIONS.values() if each.is_for(kernel, callbacks))
    for operation in wanted:
        if not operation.exists_in(kernel):
            last = f" to {show_version(operation.until)}" if operation.until else " on"
            raise TargetError(
                f"Linux {show_version(kernel)} has no {operation.name}",
                f"it is in Linux from {show_version(operation.since)}{last}",
            )
        if operation.required is not None and operation.required not in callbacks:
            raise TargetError(
                f"{operation.name} is for drivers with `{operation.required}`",
                "leave it out, or check a driver with a MmuIntervalNotifier, as test-hmm",
            )
    return wanted


def _ask_model(name: str, cls: type[Model], settings: Settings) -> ModelRequest:
    given = settings.about_drivers
    if given:
        options = ", ".join(f"--{option}" for option in given)
        raise TargetError(
            f"{name} is a model, which has no {given[0]}",
            f"leave out {options}: a model is as large as it is written, and runs without Linux",
        )
    return ModelRequest(cls, name, settings.effort)
