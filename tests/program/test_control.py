"""Which decisions an operation hangs on."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from machine.generate import programs as random_programs
from machine.programs import Code
from shootdown.program.control import _give_ends, _graph, controllers
from shootdown.program.program import Actor, Program

QUIETLY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def decisions(code: Code) -> dict[int, set[int]]:
    """For every operation that depends on something, on what."""
    return {index: set(found) for index, found in enumerate(controllers(code.build())) if found}


def test_both_ways_of_a_branch_meet_again() -> None:
    """What stands in them depends on the branch, what comes after does not."""
    code = Code("one")
    flag = code.register("flag")
    code.point()
    code.branch(flag, "then", "other")  # 1
    code.label("then")
    code.move(flag, 0)  # 2
    code.jump("end")  # 3
    code.label("other")
    code.move(flag, 1)  # 4
    code.label("end")
    code.point()
    code.halt()
    assert decisions(code) == {2: {1}, 3: {1}, 4: {1}}


def test_a_loop_with_an_end() -> None:
    """Each round, and the question whether there is another, depends on the one before."""
    code = Code("one")
    flag = code.register("flag")
    code.label("head")
    code.point()  # 0
    code.branch(flag, "body", "end")  # 1
    code.label("body")
    code.move(flag, 0)  # 2
    code.jump("head")  # 3
    code.label("end")
    code.halt()  # 4
    assert decisions(code) == {0: {1}, 1: {1}, 2: {1}, 3: {1}}


def test_a_loop_without_an_end() -> None:
    """That it goes on is no decision: only what a branch in it may skip depends on the branch."""
    code = Code("one")
    flag = code.register("flag")
    code.label("head")
    code.point()  # 0
    code.branch(flag, "skipped", "after")  # 1
    code.label("skipped")
    code.move(flag, 0)  # 2
    code.label("after")
    code.move(flag, 1)  # 3
    code.jump("head")  # 4
    assert decisions(code) == {2: {1}}


def test_behind_a_guard_nothing_is_certain() -> None:
    """An actor may wait for ever."""
    code = Code("one")
    flag = code.register("flag")
    code.point()
    code.guard(flag)  # 1
    code.move(flag, 0)  # 2
    code.halt()  # 3
    assert decisions(code) == {2: {1}, 3: {1}}


def by_definition(actor: Actor) -> list[set[int]]:
    """Control dependence by what the words mean: one way always comes to j, another may not."""
    graph = _graph(actor)
    heads = _give_ends(graph)
    end = len(graph) - 1

    def can_avoid(start: int, avoided: int) -> bool:
        """Whether the end can be reached without passing an operation."""
        seen: set[int] = set()
        work = [start] if start != avoided else []
        while work:
            at = work.pop()
            if at == end:
                return True
            if at not in seen:
                seen.add(at)
                work += [way for way in graph[at] if way != avoided]
        return False

    direct = [
        {
            decision
            for decision, ways in enumerate(graph)
            if len(ways) > 1
            and any(not can_avoid(way, index) for way in ways)
            and any(can_avoid(way, index) for way in ways)
        }
        for index in range(len(actor.code))
    ]
    return [_past_heads(direct, index, heads) for index in range(len(actor.code))]


def _past_heads(direct: list[set[int]], index: int, heads: frozenset[int]) -> set[int]:
    found, work = set(direct[index]), list(direct[index])
    while work:
        decision = work.pop()
        if decision in heads:
            work += direct[decision] - found
            found |= direct[decision]
    return found - heads


@QUIETLY
@given(random_programs())
def test_the_definition(program: Program) -> None:
    """The quick way through post-dominators finds what the definition says."""
    for actor in program.actors:
        assert [set(found) for found in controllers(actor)] == by_definition(actor)
