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

from typing import NamedTuple

from shootdown.machine.native.compiled import Bytes, Halves, Shape, Words, compiled, inlined
from shootdown.machine.native.graph import Graph
from shootdown.machine.native.labelled import PROGRESS, PROGRESS_BIT
from shootdown.machine.native.primitives import get_word, signed

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
    """What a walk works on: how many states, and arrays with an element for each of them."""

    states: int
    rank: Halves
    """0 unvisited; a visit; or TOP less the number of its component"""
    region: Halves
    """states of different regions have nothing to do with each other; 0: out"""
    waiting: Halves
    """a stack of states whose component is not done"""
    nodes: Halves
    """the states on the way from the root to where the walk is"""
    visits: Halves
    """of each of these the number of its visit"""
    nexts: Halves
    """and the step that is looked at next"""


class Standing(NamedTuple):
    """Where actors stand, and what it takes to stay there: for each actor its pc's word, shift and
    mask in a state, and for each pc the `Stay`."""

    states: int
    """the address of the states"""
    actors: int
    word: Words
    shift: Words
    mask: Words
    stay: Bytes
    """`width` for each actor"""
    width: int


@inlined
def stay_of(state: int, actor: int, shape: Shape, standing: Standing) -> int:
    """What it takes to stay where an actor stands in a state."""
    packed = get_word(standing.states + state * shape.size, standing.word[actor])
    pc = signed(packed >> standing.shift[actor]) & standing.mask[actor]
    return standing.stay[actor * standing.width + pc]


@inlined
def _counts(label: int, watch: int) -> bool:
    """Whether a step is progress of those who are watched."""
    if not label >> PROGRESS_BIT:
        return False
    return watch < 0 or label == watch | PROGRESS


@inlined
def _actor(label: int) -> int:
    return label & (PROGRESS - 1)


@inlined
def _bit(actor: int) -> int:
    return 1 << actor


@compiled
def begin(
    watch: int, graph: Graph, walk: Walk, shape: Shape, standing: Standing, board: Words
) -> None:
    """Every state in which progress is asked for is in region 1."""
    count = walk.states
    for state in range(count):
        walk.region[state] = 1
        if watch >= 0:
            stay = stay_of(state, watch, shape, standing)
            if stay == FREE or (stay == IDLE and not _can(state, watch, graph)):
                walk.region[state] = 0
    board[REGIONS] = 1
    board[BEST] = NONE


@inlined
def _can(state: int, actor: int, graph: Graph) -> bool:
    for step in range(graph.offsets[state], graph.offsets[state + 1]):
        if _actor(graph.labels[step]) == actor:
            return True
    return False


@compiled
def begin_round(walk: Walk, board: Words) -> None:
    """Nothing is visited."""
    for state in range(walk.states):
        walk.rank[state] = 0
    board[ROOT], board[VISITED], board[WAITING], board[DEPTH] = 0, 0, 0, 0
    board[DONE], board[AGAIN], board[BEST_CODE] = 0, 0, 0


@compiled
def go_on(
    watch: int, graph: Graph, walk: Walk, shape: Shape, standing: Standing, board: Words
) -> bool:
    """Walk for BUDGET steps; True when the round is over."""
    count = walk.states
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
        _advance(watch, graph, walk, shape, standing, board)
    return False


@inlined
def _visit(state: int, graph: Graph, walk: Walk, board: Words) -> None:
    board[VISITED] += 1
    walk.rank[state] = board[VISITED]
    depth = board[DEPTH]
    walk.nodes[depth] = state
    walk.visits[depth] = board[VISITED]
    walk.nexts[depth] = graph.offsets[state]
    board[DEPTH] = depth + 1


@inlined
def _advance(
    watch: int, graph: Graph, walk: Walk, shape: Shape, standing: Standing, board: Words
) -> None:
    """Follow the state on top of the way until it leads to one not visited, or is done."""
    depth = board[DEPTH] - 1
    state = walk.nodes[depth]
    region, end = walk.region[state], graph.offsets[state + 1]
    step = walk.nexts[depth]
    while step < end:
        target = graph.targets[step]
        if not _counts(graph.labels[step], watch) and walk.region[target] == region:
            if walk.rank[target] == 0:
                walk.nexts[depth] = step  # looked at again when the target is done
                _visit(target, graph, walk, board)
                return
            walk.rank[state] = min(walk.rank[state], walk.rank[target])
        step += 1
    board[DEPTH] = depth
    if walk.rank[state] == walk.visits[depth]:
        _close(state, watch, graph, walk, shape, standing, board)
    else:
        walk.waiting[board[WAITING]] = state
        board[WAITING] += 1


@inlined
def _close(
    root: int, watch: int, graph: Graph, walk: Walk, shape: Shape, standing: Standing, board: Words
) -> None:
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
    _judge(bottom, top + 1, code, watch, graph, walk, shape, standing, board)
    board[WAITING] = bottom


@compiled
def _judge(
    bottom: int,
    top: int,
    code: int,
    watch: int,
    graph: Graph,
    walk: Walk,
    shape: Shape,
    standing: Standing,
    board: Words,
) -> None:
    """The members lie on the stack from `bottom` to before `top`. Afterwards they are out, but for
    those that form a region of the next round."""
    movers, always, ever, first = _survey(bottom, top, code, watch, graph, walk)
    locked, fair = 0, movers != 0
    if fair:
        root = walk.waiting[bottom]
        for actor in range(standing.actors):
            stay = stay_of(root, actor, shape, standing)
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
        state = walk.waiting[place]
        stays = narrow and _enabled(state, graph) & locked == 0
        walk.region[state] = board[REGIONS] if stays else 0
    if fair and not narrow and (board[BEST] == NONE or first < board[BEST]):
        board[BEST], board[BEST_CODE], board[MOVERS] = first, code, movers


@inlined
def _survey(
    bottom: int, top: int, code: int, watch: int, graph: Graph, walk: Walk
) -> tuple[int, int, int, int]:
    """Sets of actors: who moves in a component, who can in all of its states, who in some; and its
    first state."""
    movers, always, ever, first = 0, -1, 0, walk.waiting[bottom]
    for place in range(bottom, top):
        state = walk.waiting[place]
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


@inlined
def _enabled(state: int, graph: Graph) -> int:
    """The actors that have a step."""
    found = 0
    for step in range(graph.offsets[state], graph.offsets[state + 1]):
        found |= _bit(_actor(graph.labels[step]))
    return found


__all__ = ["BOARD_SIZE", "MOST_ACTORS", "MOST_STATES", "Standing", "Walk", "begin", "go_on"]
