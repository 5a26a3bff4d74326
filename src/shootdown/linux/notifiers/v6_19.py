"""6.19: the newest that was compared.

The API itself is that of 6.10. New around it: arm64 flushes an upgrade of permissions only locally
and tells secondary TLBs all the same (`linux/arch/`); iommu_sva flushes kernel addresses before
tables of the kernel are freed, which is no business of notifiers (B41, commit e37d5a2d60a3).
"""

from __future__ import annotations

from shootdown.linux.notifiers import v6_10


class Notifiers(v6_10.Notifiers):
    """As before."""

    since = (6, 19, 0)
