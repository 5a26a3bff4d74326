"""Rules about what happens to a device."""

from __future__ import annotations

from shootdown.rules.rule import Rule


class DeviceFailure(Rule):
    """D7: a device that bounds its retries is not answered SUCCESS without progress. The Radeon
    behind AMD IOMMUv2 gave up and needed a reset (lkml 2014, motivation for invalidate_range; B3).
    """

    name = "device-failure"
    sentence = "a device does not give up after repeated faults on one access"


DEVICE_FAILURE = DeviceFailure()
