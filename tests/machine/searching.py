"""The search whose numbers can be found by hand: every state, each of them once."""

from __future__ import annotations

from functools import partial

from shootdown.machine.reductions import Reductions
from shootdown.machine.search import search as search_reduced

EVERY_STATE = Reductions(partial_order=False, symmetry=False)
"""but for registers that nobody will read"""

search = partial(search_reduced, reductions=EVERY_STATE)
