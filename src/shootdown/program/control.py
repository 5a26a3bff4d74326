"""Which decisions an operation hangs on: static control dependence.

Operation j depends on a decision b if one way out of b always comes to j and another may not
(Ferrante, Ottenstein and Warren, "The program dependence graph and its use in optimization", TOPLAS
9(3), 1987). A decision is a `Branch`, or a `Guard`, behind which an actor may never get.

An actor may run for ever, and then no operation comes last. The head of such a loop gets a way out
that is never taken; it decides nothing, so what hangs on it hangs on what the head hangs on.
"""

from __future__ import annotations

from shootdown.program.operation import Guard, targets
from shootdown.program.program import Actor

Graph = list[tuple[int, ...]]
"""for each operation, and the end behind the last, where execution can go on"""


def controllers(actor: Actor) -> tuple[frozenset[int], ...]:
    """For each operation the indexes of the decisions that it depends on."""
    graph = _graph(actor)
    heads = _give_ends(graph)
    above = _post_dominators(graph)
    direct: list[set[int]] = [set() for _ in graph]
    for decision, ways in enumerate(graph):
        if len(ways) < 2:
            continue
        for way in ways:
            at = way
            while at != above[decision]:
                direct[at].add(decision)
                at = above[at]
    return tuple(_without_heads(direct, index, heads) for index in range(len(actor.code)))


def _graph(actor: Actor) -> Graph:
    end = len(actor.code)
    rows: Graph = []
    for index, operation in enumerate(actor.code):
        ways = tuple(dict.fromkeys(targets(operation, index))) or (end,)
        rows.append((*ways, end) if isinstance(operation, Guard) else ways)
    return [*rows, ()]


def _give_ends(graph: Graph) -> frozenset[int]:
    """Let every operation come to the end; the heads of loops that decide nothing else."""
    heads: set[int] = set()
    while True:
        endless = set(range(len(graph))) - _reaching_end(graph)
        if not endless:
            return frozenset(heads)
        head = min(way for index in endless for way in graph[index] if way <= index)
        if len(graph[head]) == 1:
            heads.add(head)
        graph[head] = (*graph[head], len(graph) - 1)


def _reaching_end(graph: Graph) -> set[int]:
    before: list[list[int]] = [[] for _ in graph]
    for index, ways in enumerate(graph):
        for way in ways:
            before[way].append(index)
    found = {len(graph) - 1}
    work = [*found]
    while work:
        fresh = [index for index in before[work.pop()] if index not in found]
        found.update(fresh)
        work += fresh
    return found


def _post_dominators(graph: Graph) -> list[int]:
    """For each operation the nearest one through which every way to the end leads.

    Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm", 2001, on the graph reversed.
    """
    end = len(graph) - 1
    order = _from_end(graph)
    place = {index: number for number, index in enumerate(order)}
    above = {end: end}

    def meet(a: int, b: int) -> int:
        while a != b:
            if place[a] > place[b]:
                a = above[a]
            else:
                b = above[b]
        return a

    changed = True
    while changed:
        changed = False
        for index in order[1:]:
            known = [way for way in graph[index] if way in above]
            nearest = known[0]
            for way in known[1:]:
                nearest = meet(nearest, way)
            if above.get(index) != nearest:
                above[index] = nearest
                changed = True
    return [above.get(index, end) for index in range(len(graph))]


def _from_end(graph: Graph) -> list[int]:
    """The operations in reverse postorder of a walk backwards from the end."""
    before: list[list[int]] = [[] for _ in graph]
    for index, ways in enumerate(graph):
        for way in ways:
            before[way].append(index)
    end = len(graph) - 1
    seen, postorder = {end}, []
    work = [(end, iter(before[end]))]
    while work:
        at, rest = work[-1]
        following = next((index for index in rest if index not in seen), None)
        if following is None:
            postorder.append(at)
            work.pop()
        else:
            seen.add(following)
            work.append((following, iter(before[following])))
    return postorder[::-1]


def _without_heads(direct: list[set[int]], index: int, heads: frozenset[int]) -> frozenset[int]:
    """The real decisions, with those of heads in their place."""
    found: set[int] = set()
    passed: set[int] = set()
    work = [index]
    while work:
        for decision in direct[work.pop()]:
            if decision not in heads:
                found.add(decision)
            elif decision not in passed:
                passed.add(decision)
                work.append(decision)
    return frozenset(found)
