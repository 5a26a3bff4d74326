"""Small programs that go on for ever, and what must be true of a lasso."""

from __future__ import annotations

from shootdown.machine.interpreter import Interpreter
from shootdown.machine.liveness.fairness import Stay, is_at_work, stays_of
from shootdown.machine.result import SearchResult
from shootdown.program.kind import FLAG, Family, Kind
from shootdown.program.operation import Patience
from shootdown.program.program import Program

from .programs import Code, Model

LOCK = Kind(Family.LOCK, 0, 4)


def spinner(progresses: bool) -> Program:
    """One actor that goes round for ever."""
    model = Model()
    code = model.code("spinner")
    code.label("again")
    code.point()
    if progresses:
        code.progress()
    code.jump("again")
    return model.build()


def polling(patience: Patience = Patience.MUST) -> Program:
    """One asks again and again whether the other has raised a flag. The other can at any time."""
    model = Model()
    flag = model.variable("flag")
    _until(model.code("poller"), flag)
    raiser = model.code("raiser", daemon=True)
    raiser.point(patience)
    raiser.store(flag, 1)
    raiser.halt()
    return model.build()


def _until(code: Code, flag: int) -> None:
    """Go round until the flag is up."""
    seen = code.register("seen")
    code.label("again")
    code.point()
    code.load(seen, flag)
    code.branch(seen, "end", "again")
    code.label("end")
    code.halt()


def window(lock: bool) -> Program:
    """One opens and shuts a window until the other, who can only act while it is open, has raised a
    flag. The window is a lock, or another flag that is tested."""
    model = Model()
    flag = model.variable("flag")
    shut = model.variable("shut", LOCK if lock else FLAG)
    opener, passer = model.code("opener"), model.code("passer")
    seen = opener.register("seen")
    opener.label("again")
    opener.point()
    opener.acquire(shut) if lock else opener.store(shut, 1)
    opener.point()
    opener.release(shut) if lock else opener.store(shut, 0)
    opener.load(seen, flag)
    opener.branch(seen, "end", "again")
    opener.label("end")
    opener.halt()
    closed, is_open = passer.register("closed"), passer.register("is_open")
    passer.point()
    if lock:
        passer.acquire(shut)
    else:
        passer.load(closed, shut)
        passer.binary(is_open, closed, "==", 0)
        passer.guard(is_open)
    passer.store(flag, 1)
    if lock:
        passer.release(shut)
    passer.halt()
    return model.build()


def staying_inside() -> Program:
    """One takes a lock, and may stay inside for ever or come out; the other waits for the lock."""
    model = Model()
    lock = model.variable("lock", LOCK)
    owner, waiter = model.code("owner"), model.code("waiter")
    leave = owner.register("leave")
    owner.label("outside")
    owner.point()
    owner.acquire(lock)
    owner.label("inside")
    owner.point()
    owner.choose(leave, 2)
    owner.branch(leave, "out", "inside")
    owner.label("out")
    owner.point()
    owner.release(lock)
    owner.jump("outside")
    waiter.point()
    waiter.acquire(lock)
    waiter.progress()
    waiter.point()
    waiter.release(lock)
    waiter.halt()
    return model.build()


def assert_is_lasso(program: Program, found: SearchResult) -> None:
    """The run is one, its end is where its loop begins, nobody who counts gets anything done in the
    loop, and everybody who stands still there has an excuse."""
    assert found.loop is not None
    interpreter = Interpreter(program)
    words = interpreter.initial_states()[found.start]
    states, progressed = [words], []
    for step in found.path:
        outcome = interpreter.step(words, step.actor, step.choices)
        assert outcome.enabled
        assert outcome.broken is None
        progressed.append(outcome.progressed)
        words = outcome.words
        states.append(words)
    assert states[-1] == states[found.loop]
    assert len(found.path) > found.loop
    steps = list(zip(found.path, progressed, strict=True))[found.loop :]
    counted = [s.actor for s, done in steps if done]
    assert found.starved not in counted if found.starved is not None else not counted
    _assert_fair(interpreter, states[found.loop :], {step.actor for step, _ in steps})
    if found.starved is not None:
        _assert_at_work(interpreter, states[found.loop :], found.starved)


def _can(interpreter: Interpreter, words: tuple[int, ...], actor: int) -> bool:
    return any(outcome.enabled for outcome in interpreter.attempts(words, actor))


def _assert_fair(interpreter: Interpreter, states: list[tuple[int, ...]], movers: set[int]) -> None:
    for number, actor in enumerate(interpreter.program.actors):
        stay = stays_of(actor)[interpreter.pc(states[0], number)]
        able = [_can(interpreter, words, number) for words in states]
        if number not in movers and stay is not Stay.FREE:
            assert not (any(able) if stay is Stay.LOCK else all(able)), actor.name


def _assert_at_work(interpreter: Interpreter, states: list[tuple[int, ...]], actor: int) -> None:
    stays = stays_of(interpreter.program.actors[actor])
    for words in states:
        able = _can(interpreter, words, actor)
        assert is_at_work(stays[interpreter.pc(words, actor)], able)
