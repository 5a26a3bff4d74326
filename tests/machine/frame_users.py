"""Random programs that hand out page frames, pass them around, free them and look at them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from shootdown.program.kind import FLAG, integer, make_pte, pte
from shootdown.program.program import Program

from .programs import Code, Model

Build = Callable[[int], Program]
"""the program on a machine of so many frames"""

TABLE, BARE, PLAIN, REFERENCES, CURSOR = range(5)
"""variables"""

FRAMES, ALIVE = 0, 1
"""rules: there is a fresh frame; what is looked at is not free"""

PIECES = ("fault", "fault", "copy", "drop", "drop", "share", "compare", "look", "keep", "back")


class _Writer:
    """Writes the pieces of one actor."""

    def __init__(self, code: Code, frames: int) -> None:
        self.code = code
        self.frames = frames
        self.labels = 0
        room = integer(0, frames - 1)
        self.fresh, self.frame = code.register("fresh", room), code.register("frame", room)
        self.entry, self.other = (
            code.register("entry", pte(frames)),
            code.register("o", pte(frames)),
        )
        self.next, self.count = (
            code.register("next", integer(0, frames)),
            code.register("count", integer(0, 4)),
        )
        self.flag = code.register("flag", FLAG)

    def piece(self, what: str, place: int) -> None:
        getattr(self, f"_{what}")(place)

    def _skip(self, unless: str, frame_of: int) -> str:
        """Go past what follows where a table entry is empty; the label is still to be placed."""
        self.labels += 1
        code, go, end = self.code, f"go{self.labels}", f"{unless}{self.labels}"
        code.load(self.entry, TABLE, frame_of)
        code.branch(self.entry, go, end)
        code.label(go)
        code.binary(self.frame, self.entry, ">>", 2)
        return end

    def _fault(self, place: int) -> None:
        """A fresh frame, readable and writable."""
        code = self.code
        code.load(self.fresh, CURSOR)
        code.binary(self.flag, self.fresh, "!=", 0)
        code.check(self.flag, FRAMES)
        code.store(REFERENCES, 1, self.fresh)
        code.binary(self.next, self.fresh, "+", 1)
        code.binary(self.next, self.next, "%", self.frames)
        code.store(CURSOR, self.next)
        code.binary(self.entry, self.fresh, "<<", 2)
        code.binary(self.entry, self.entry, "|", 3)
        code.store(TABLE, self.entry, place)

    def _copy(self, place: int) -> None:
        self.code.load(self.entry, TABLE, place)
        self.code.store(TABLE, self.entry, 1 - place)

    def _drop(self, place: int) -> None:
        """One reference less, and the entry is empty."""
        code = self.code
        end = self._skip("empty", place)
        code.load(self.count, REFERENCES, self.frame)
        code.branch(self.count, f"held{end}", end)
        code.label(f"held{end}")
        code.binary(self.count, self.count, "-", 1)
        code.store(REFERENCES, self.count, self.frame)
        code.store(TABLE, 0, place)
        code.label(end)

    def _share(self, place: int) -> None:
        code = self.code
        end = self._skip("none", place)
        code.store(REFERENCES, 2, self.frame)
        code.label(end)

    def _compare(self, place: int) -> None:
        code = self.code
        code.load(self.entry, TABLE, 0)
        code.load(self.other, TABLE, 1)
        code.binary(self.flag, self.entry, "==", self.other)
        code.store(PLAIN, self.flag)

    def _look(self, place: int) -> None:
        code = self.code
        end = self._skip("nothing", place)
        code.load(self.count, REFERENCES, self.frame)
        code.check(self.count, ALIVE)
        code.label(end)

    def _keep(self, place: int) -> None:
        code = self.code
        code.load(self.entry, TABLE, place)
        code.binary(self.frame, self.entry, ">>", 2)
        code.store(BARE, self.frame)

    def _back(self, place: int) -> None:
        """The kept frame, read-only; no rights without a frame."""
        code = self.code
        self.labels += 1
        end = f"kept{self.labels}"
        code.load(self.frame, BARE)
        code.branch(self.frame, f"has{end}", end)
        code.label(f"has{end}")
        code.binary(self.entry, self.frame, "<<", 2)
        code.binary(self.entry, self.entry, "|", 2)
        code.store(TABLE, self.entry, place)
        code.label(end)


def build(rows: list[list[tuple[list[tuple[str, int]], bool]]], frames: int) -> Program:
    """Actors of segments of pieces; at the end of some segments the actor may turn back."""
    model = Model()
    model.variable("table", pte(frames), 2)
    model.variable("bare", integer(0, frames - 1))
    model.variable("plain", FLAG)
    model.variable("references", integer(0, 3), frames)
    model.variable("cursor", integer(0, frames - 1), initial=1)
    model.rule("frames", "widen")
    model.rule("alive")
    for me, segments in enumerate(rows):
        code = model.code(f"actor{me}")
        writer = _Writer(code, frames)
        for number, (pieces, again) in enumerate(segments):
            code.label(f"segment{number}")
            code.point()
            for piece in pieces:
                writer.piece(*piece)
            if again:
                code.choose(writer.flag, 2)
                code.branch(writer.flag, "segment0", f"on{number}")
                code.label(f"on{number}")
        code.halt()
    mapped = ((TABLE, 0, make_pte(1, 3)), (REFERENCES, 1, 1), (CURSOR, 0, 2))
    other = ((TABLE, 0, make_pte(2, 3)), (TABLE, 1, make_pte(1, 2)), (REFERENCES, 1, 2))
    model.initials = (
        (),
        mapped,
        (*other, (REFERENCES, 2, 1), (CURSOR, 0, 3)),
    )
    return model.build()


@st.composite
def frame_users(draw: st.DrawFn) -> Build:
    """One to three actors."""
    piece = st.tuples(st.sampled_from(PIECES), st.integers(0, 1))
    segment = st.tuples(st.lists(piece, min_size=1, max_size=3), st.booleans())
    rows = draw(st.lists(st.lists(segment, min_size=1, max_size=3), min_size=1, max_size=3))
    return lambda frames: build(rows, frames)
