"""What hardware expects of the driver above it. Drivers are a higher layer; this is all we know."""

from __future__ import annotations

from typing import Any, Protocol

from shootdown.lang.declare import Array, Pte


class DriverInterface(Protocol):
    """A driver as its device sees it."""

    table: Array[Pte]
    """page tables of the device itself; only a `ShadowMmu` walks them"""
    accessed: Array[bool]
    """their accessed bits, if the driver keeps them"""

    def device_fault(self, page: int, write: bool) -> Any:
        """Resolve a fault. Behind an IOMMU: answer SUCCESS or INVALID."""
