"""Which kernels a driver can run on, decided by the callbacks it has."""

from __future__ import annotations

from itertools import pairwise

from shootdown.drivers.driver import NOTIFIER_CALLBACKS, Driver
from shootdown.linux.notifiers.generations import GENERATIONS, NEWEST, generation_for
from shootdown.linux.version import Version, show_version
from shootdown.scenarios.errors import TargetError

RANGE_CALLBACKS = frozenset({"invalidate_range_start", "invalidate_range_end"})


def callbacks_of(driver: type[Driver]) -> frozenset[str]:
    """The notifier callbacks a driver implements."""
    return frozenset(name for name in NOTIFIER_CALLBACKS if hasattr(driver, name))


def misfit(driver: type[Driver], kernel: Version) -> str | None:
    """Why a driver cannot run on a kernel, or None if it can."""
    generation = generation_for(kernel)
    present = callbacks_of(driver)
    unknown = sorted(present - set(generation.callbacks))
    if unknown:
        return f"kernel {show_version(kernel)} never calls {unknown[0]}"
    refuses = kernel >= (6, 6, 0) and "arch_invalidate_secondary_tlbs" in present
    if refuses and present & RANGE_CALLBACKS:
        # mmu_notifier.c since 6.6: registration refuses an ops with both families (EINVAL)
        return "a kernel from 6.6 on refuses a driver with both families of callbacks"
    return None


def is_for(driver: type[Driver], kernel: Version) -> bool:
    """Whether the driver was written for this kernel or an older one, and can run on it."""
    return (driver.first_kernel or kernel) <= kernel and misfit(driver, kernel) is None


def kernels_for(driver: type[Driver]) -> tuple[Version, Version] | None:
    """The first and the last kernel a driver can run on; None if there is none."""
    fitting = [g for g in GENERATIONS if misfit(driver, g.since) is None]
    if not fitting:
        return None
    last = fitting[-1]
    following = next((b for a, b in pairwise(GENERATIONS) if a is last), None)
    return fitting[0].since, _before(following.since) if following else NEWEST


def _before(version: Version) -> Version:
    """The release before the first one of a generation; Linux went from 3.19 to 4.0 and so on."""
    lasts: dict[int, int] = {3: 19, 4: 20, 5: 19}
    major, minor, patch = version
    if major == 2:
        return (2, minor, patch - 1)
    return (major, minor - 1, 0) if minor else (major - 1, lasts[major - 1], 0)


def default_kernel(driver: type[Driver]) -> Version | None:
    """The newest kernel the driver can run on, and no newer than it says it was current."""
    span = kernels_for(driver)
    if span is None:
        return None
    return min(span[1], driver.last_kernel) if driver.last_kernel else span[1]


def kernel_for(name: str, driver: type[Driver], version: Version | None) -> Version:
    """The kernel that was asked for, if the driver can run on it; else the newest it can.

    Raises:
        TargetError: if there is none.
    """
    if version is None:
        newest = default_kernel(driver)
        if newest is None:
            raise TargetError(f"no kernel calls all the callbacks of {name}")
        return newest
    if misfit(driver, version) is not None:
        raise refuse_kernel(name, driver, version)
    return version


def refuse_kernel(name: str, driver: type[Driver], version: Version) -> TargetError:
    """Why a driver cannot run on a kernel, and on which it can."""
    span = kernels_for(driver)
    can = f"it can run on {show_version(span[0])} to {show_version(span[1])}" if span else ""
    why = misfit(driver, version)
    return TargetError(f"{name} cannot run on Linux {show_version(version)}: {why}", can)
