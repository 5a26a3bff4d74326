"""The strongly connected components of a graph, and which of them hold fair loops.

One walk into the depth, in the space-saving form of Tarjan's algorithm by Pearce ("A space-
efficient algorithm for finding strongly connected components", Information Processing Letters 116,
2016): `rank` holds the number in the order of first visits, lowered to the lowest that is reached;
states that are done but belong to a component whose root is not, wait on a stack. A component is
judged when its root is done, while its members are together on that stack. Recursion is a stack of
its own, so a walk can be interrupted after any number of steps and taken up again.

What is judged is said in `machine.liveness`. A component from which states have to be taken out is
not judged again at once: its members that stay get a new number in `region`, and the next round
walks within regions. Numbers of regions never come back, and each round with something to do takes
out a state, so rounds end; in practice there are one or two.
"""

# ruff: noqa: PLR0917 (compiled functions have positions, not names)
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from shootdown.machine.native.intrinsics import get_word
from shootdown.machine.native.labelled import PROGRESS, PROGRESS_BIT

ROOT, VISITED, WAITING, DEPTH, DONE, REGIONS, AGAIN, BEST, BEST_CODE, MOVERS, BUDGET = range(11)
BOARD_SIZE = 11
"""places on the board: the next state to begin at, states visited, heights of the two stacks,
components done, regions given out, whether another round is needed, the first state of the best
component so far, the code of it in this round, and who moves in it"""

NONE = -1
"""no component yet"""

TOP = (1 << 32) - 1
"""components are numbered down from here, visits up from 1: with less than 2^31 states they never
meet"""
MOST_STATES = (1 << 31) - 2
MOST_ACTORS = 64
"""bits of a set of actors"""

FREE, WEAK, LOCK, IDLE = range(4)
"""as in `liveness.fairness.Stay`"""


class Walk(NamedTuple):
    """What a walk works on, all arrays with an element for each state."""

    rank: Any
    """uint32: 0 unvisited; a visit; or TOP less the number of its component"""
    region: Any
    """uint32: states of different regions have nothing to do with each other; 0: out"""
    waiting: Any
    """uint32, a stack of states whose component is not done"""
    nodes: Any
    """uint32, the states on the way from the root to where the walk is"""
    visits: Any
    """uint32, of each of these the number of its visit"""
    nexts: Any
    """uint32, and the step that is looked at next"""


class Standing(NamedTuple):
    """Where actors stand, and what it takes to stay there: for each actor its pc's word, shift and
    mask in a state, and for each pc the `Stay`."""

    states: int
    """the address of the states"""
    words: int
    word: Any
    shift: Any
    mask: Any
    stay: Any
    """uint8, a row for each actor"""


@njit(inline="always")
def stay_of(state: Any, actor: int, standing: Any) -> Any:
    """What it takes to stay where an actor stands in a state."""
    address = standing.states + state * standing.words * 8
    packed = get_word(address, standing.word[actor])
    pc = (packed >> standing.shift[actor]) & standing.mask[actor]
    return standing.stay[actor, pc]


@njit(inline="always")
def _counts(label: Any, watch: int) -> Any:
    """Whether a step is progress of those who are watched."""
    if not label >> PROGRESS_BIT:
        return False
    return watch < 0 or label == watch | PROGRESS


@njit(inline="always")
def _actor(label: Any) -> Any:
    return np.int64(label) & (PROGRESS - 1)


@njit(inline="always")
def _bit(actor: int) -> Any:
    return 1 << actor


@njit(cache=True, nogil=True)
def begin(watch: int, graph: Any, walk: Any, standing: Any, board: Any) -> None:
    """Every state in which progress is asked for is in region 1."""
    count = walk.rank.size
    for state in range(count):
        walk.region[state] = 1
        if watch >= 0:
            stay = stay_of(state, watch, standing)
            if stay == FREE or (stay == IDLE and not _can(state, watch, graph)):
                walk.region[state] = 0
    board[REGIONS] = 1
    board[BEST] = NONE


@njit(inline="always")
def _can(state: Any, actor: int, graph: Any) -> Any:
    for step in range(graph.offsets[state], graph.offsets[state + 1]):
        if _actor(graph.labels[step]) == actor:
            return True
    return False


@njit(cache=True, nogil=True)
def begin_round(walk: Any, board: Any) -> None:
    """Nothing is visited."""
    walk.rank[:] = 0
    for place in (ROOT, VISITED, WAITING, DEPTH, DONE, AGAIN, BEST_CODE):
        board[place] = 0


@njit(cache=True, nogil=True)
def go_on(watch: int, graph: Any, walk: Any, standing: Any, board: Any) -> Any:
    """Walk for BUDGET steps; True when the round is over."""
    count = walk.rank.size
    while board[BUDGET] > 0:
        board[BUDGET] -= 1
        if board[DEPTH] == 0:
            while board[ROOT] < count and (
                walk.region[board[ROOT]] == 0 or walk.rank[board[ROOT]] != 0
            ):
                board[ROOT] += 1
            if board[ROOT] == count:
                return True
            _visit(board[ROOT], graph, walk, board)
        _advance(watch, graph, walk, standing, board)
    return False


@njit(inline="always")
def _visit(state: Any, graph: Any, walk: Any, board: Any) -> None:
    board[VISITED] += 1
    walk.rank[state] = board[VISITED]
    depth = board[DEPTH]
    walk.nodes[depth] = state
    walk.visits[depth] = board[VISITED]
    walk.nexts[depth] = graph.offsets[state]
    board[DEPTH] = depth + 1


@njit(inline="always")
def _advance(watch: int, graph: Any, walk: Any, standing: Any, board: Any) -> None:
    """Follow the state on top of the way until it leads to one not visited, or is done."""
    depth = board[DEPTH] - 1
    state = np.int64(walk.nodes[depth])
    region, end = walk.region[state], np.int64(graph.offsets[state + 1])
    step = np.int64(walk.nexts[depth])
    while step < end:
        target = np.int64(graph.targets[step])
        if not _counts(graph.labels[step], watch) and walk.region[target] == region:
            if walk.rank[target] == 0:
                walk.nexts[depth] = step  # looked at again when the target is done
                _visit(target, graph, walk, board)
                return
            walk.rank[state] = min(walk.rank[state], walk.rank[target])
        step += 1
    board[DEPTH] = depth
    if walk.rank[state] == walk.visits[depth]:
        _close(state, watch, graph, walk, standing, board)
    else:
        walk.waiting[board[WAITING]] = state
        board[WAITING] += 1


@njit(inline="always")
def _close(root: Any, watch: int, graph: Any, walk: Any, standing: Any, board: Any) -> None:
    """The component of a root is whole: number and judge it."""
    visit, code = walk.rank[root], TOP - board[DONE]
    board[DONE] += 1
    top = board[WAITING]
    bottom = top
    while bottom > 0 and walk.rank[walk.waiting[bottom - 1]] >= visit:
        bottom -= 1
        walk.rank[walk.waiting[bottom]] = code
    walk.rank[root] = code
    walk.waiting[top] = root
    _judge(bottom, top + 1, code, watch, graph, walk, standing, board)
    board[WAITING] = bottom


@njit(nogil=True)
def _judge(
    bottom: int,
    top: int,
    code: int,
    watch: int,
    graph: Any,
    walk: Any,
    standing: Any,
    board: Any,
) -> None:
    """The members lie on the stack from `bottom` to before `top`. Afterwards they are out, but for
    those that form a region of the next round."""
    movers, always, ever, first = _survey(bottom, top, code, watch, graph, walk)
    locked, fair = 0, movers != 0
    if fair:
        root = np.int64(walk.waiting[bottom])
        for actor in range(standing.word.size):
            stay = stay_of(root, actor, standing)
            if movers & _bit(actor) or stay == FREE:
                continue
            if stay == LOCK:
                locked |= _bit(actor)
            elif always & _bit(actor):
                fair = False
    narrow = fair and ever & locked != 0
    if narrow:
        board[REGIONS] += 1
        board[AGAIN] = 1
    for place in range(bottom, top):
        state = np.int64(walk.waiting[place])
        stays = narrow and _enabled(state, graph) & locked == 0
        walk.region[state] = board[REGIONS] if stays else 0
    if fair and not narrow and (board[BEST] == NONE or first < board[BEST]):
        board[BEST], board[BEST_CODE], board[MOVERS] = first, code, movers


@njit(inline="always")
def _survey(bottom: int, top: int, code: int, watch: int, graph: Any, walk: Any) -> Any:
    """Sets of actors: who moves in a component, who can in all of its states, who in some; and its
    first state."""
    movers, always, ever, first = 0, -1, 0, np.int64(walk.waiting[bottom])
    for place in range(bottom, top):
        state = np.int64(walk.waiting[place])
        first = min(first, state)
        enabled = 0
        for step in range(graph.offsets[state], graph.offsets[state + 1]):
            label = graph.labels[step]
            enabled |= _bit(_actor(label))
            if walk.rank[graph.targets[step]] == code and not _counts(label, watch):
                movers |= _bit(_actor(label))
        always &= enabled
        ever |= enabled
    return movers, always, ever, first


@njit(inline="always")
def _enabled(state: Any, graph: Any) -> Any:
    """The actors that have a step."""
    found = 0
    for step in range(graph.offsets[state], graph.offsets[state + 1]):
        found |= _bit(_actor(graph.labels[step]))
    return found


__all__ = ["BOARD_SIZE", "MOST_ACTORS", "MOST_STATES", "Standing", "Walk", "begin", "go_on"]
