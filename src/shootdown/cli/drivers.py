"""Which kernel a driver is run on, and why not on another."""

from __future__ import annotations

from shootdown.cli.errors import InputError
from shootdown.drivers.driver import Driver
from shootdown.linux.version import Version, show_version
from shootdown.scenarios.kernels import default_kernel, kernels_for, misfit


def kernel_for(name: str, driver: type[Driver], version: Version | None) -> Version:
    """The kernel that was asked for, if the driver can run on it; else the newest it can.

    Raises:
        InputError: if there is none.
    """
    if version is None:
        newest = default_kernel(driver)
        if newest is None:
            raise InputError(f"no kernel calls all the callbacks of {name}")
        return newest
    if misfit(driver, version) is not None:
        raise refuse_kernel(name, driver, version)
    return version


def refuse_kernel(name: str, driver: type[Driver], version: Version) -> InputError:
    """Why a driver cannot run on a kernel, and on which it can."""
    span = kernels_for(driver)
    can = f"it can run on {show_version(span[0])} to {show_version(span[1])}" if span else ""
    why = misfit(driver, version)
    return InputError(f"{name} cannot run on Linux {show_version(version)}: {why}", can)
