"""Limits of the model itself. Reaching one says nothing about the driver: the checker takes a
larger machine and starts again (`scenarios.check`)."""

from __future__ import annotations

from shootdown.rules.rule import Rule


class OutOfFrames(Rule):
    """The scenario was given too few page frames: one that was freed would be used again."""

    name = "out-of-frames"
    sentence = "the modelled machine has a never used page frame when one is needed"
    verdict = "widen"


OUT_OF_FRAMES = OutOfFrames()
