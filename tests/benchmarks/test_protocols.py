"""Our engines and SPIN see the same states of the same protocols."""

from __future__ import annotations

import pytest
from benchmarks.ours import EVERY_STATE, search_here
from benchmarks.protocols.sizes import SMALL, Instance
from benchmarks.spin import QUICKLY_MADE, missing, run_spin

from shootdown.machine.result import Engine
from shootdown.machine.search import search

EXPECTED = {  # states, transitions, depth
    "shadow 1p 1t 1o 1d": (160, 278, 21),
    "shadow 2p 1t 2o 1d": (7967, 14874, 39),
    "shadow 2p 1t 1o 2d": (22720, 60326, 36),
    "shadow 1p 2t 1o 1d": (2530, 5944, 31),
    "hardware 1p 1t 2o 1d": (243, 453, 19),
    "hardware 2p 1t 2o 1d": (3301, 7359, 26),
    "hardware 2p 1t 1o 2d": (23178, 76412, 26),
    "hardware 1p 2t 1o 1d": (1515, 3823, 20),
    "filter 2t": (39, 70, 9),
    "filter 3t": (1135, 2729, 25),
    "buffer 1p 1c 1s 1g": (12, 12, 11),
    "buffer 2p 1c 1s 1g": (51, 54, 35),
    "buffer 1p 2c 2s 1g": (594, 1080, 82),
    "buffer 1p 1c 2s 3g": (534, 916, 29),
    "rcu 1r 1u 2o": (148, 280, 22),
    "rcu 2r 1u 2o": (1420, 3988, 26),
    "rcu 1r 2u 2o": (273, 537, 22),
    "rcu 2r 1u 3o": (2646, 7421, 37),
}
CARELESS = {
    Instance("shadow", (1, 1, 1, 1), careless=True): "freed-frame",
    Instance("hardware", (1, 1, 1, 1), careless=True): "freed-frame",
    Instance("filter", (3,), careless=True): "exclusion",
    Instance("buffer", (1, 1, 1, 1), careless=True): "something-there",
    Instance("rcu", (1, 1, 2), careless=True): "not-freed",
}

INSTANCES = pytest.mark.parametrize("instance", SMALL, ids=lambda i: i.name)
CARELESS_ONES = pytest.mark.parametrize("instance", CARELESS, ids=lambda i: i.protocol)
ENGINES = pytest.mark.parametrize("engine", ["native", "python"])
NEEDS_SPIN = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@ENGINES
@INSTANCES
def test_both_engines_count_the_same(instance: Instance, engine: Engine) -> None:
    """All protocols hold, with exactly these counts, whoever searches."""
    found = search_here(instance, engine)
    assert found.holds
    assert (found.states, found.transitions, found.depth) == EXPECTED[instance.name]


@NEEDS_SPIN
@INSTANCES
def test_spin_counts_the_same(instance: Instance) -> None:
    """The Promela has as many states and transitions as ours, and is as deep."""
    found = run_spin(instance, QUICKLY_MADE, states=1 << 16)
    assert found.holds
    assert (found.states, found.transitions, found.depth) == EXPECTED[instance.name]


@INSTANCES
def test_the_rule_is_exercised(instance: Instance) -> None:
    """What has to hold is not true for want of occasions."""
    result = search(instance.build(), reductions=EVERY_STATE)
    assert min(result.exercised) > 0


@CARELESS_ONES
def test_a_mistake_is_found(instance: Instance) -> None:
    """Leaving out one half of the protocol breaks the rule."""
    result = search(instance.build(), reductions=EVERY_STATE)
    assert (result.verdict, result.rule) == ("violated", CARELESS[instance])


@NEEDS_SPIN
@CARELESS_ONES
def test_spin_finds_it_as_deep(instance: Instance) -> None:
    """Both call the same access a violation, after as many steps."""
    ours = search_here(instance)
    found = run_spin(instance, QUICKLY_MADE, ours.states)
    assert not found.holds
    assert found.depth == ours.depth
