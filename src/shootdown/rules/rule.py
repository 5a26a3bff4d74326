"""What all rules have."""

from __future__ import annotations


class Rule:
    """A name for the command line and reports, and a sentence that says what must hold."""

    name: str = ""
    sentence: str = ""
    verdict: str = "violated"
    """`widen` for a limit of the model: the checker then takes a larger machine"""
