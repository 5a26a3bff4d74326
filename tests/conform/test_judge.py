"""One program: agreement, disagreement, and why it was not compared to its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from shootdown.conform.compare import FAILED
from shootdown.conform.judge import LiveJudge, Prediction, conclude, judging_recorded, predict
from shootdown.conform.model import ProgramModel
from shootdown.live.callbacks import LostEventsError
from shootdown.live.observe import MOST_RUNS, Observer
from shootdown.live.programs import Observed, Program, Recording, read_meta
from shootdown.live.server import EndlessProgramError
from shootdown.live.settings import Settings, parse_settings

from .models import RECORDED, RECORDINGS, Failing, Ignorant, Mistaken, Replaying, without_blocks

SETTINGS = parse_settings(read_meta(RECORDED))
WITH_BLOCK = next(
    each for each in RECORDINGS if any("__split_huge_pmd" in o.sites for o in each.observed)
)
WITH_FORK = next(each for each in RECORDINGS if ("fork",) in each.program.operations)
FORK = WITH_FORK.program.operations.index(("fork",))


class Runs(Observer):
    """An observer whose runs are given."""

    def __init__(self, runs: Iterable[tuple[Observed, ...] | Exception]) -> None:
        self.left = list(runs)

    def run(self, program: Program, room: int = 0) -> tuple[Observed, ...]:
        """The next one."""
        found = self.left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def live(model: ProgramModel, observer: Observer, *, record: bool = False) -> LiveJudge:
    return LiveJudge(model, observer, SETTINGS, record=record)


def test_agreement() -> None:
    """All operations and ranges were compared."""
    recording = RECORDINGS[0]
    outcome = conclude(predict(Replaying(), recording.program), recording)
    ranges = sum(len(each.ranges) for each in recording.observed)
    count = len(recording.program.operations)
    assert (outcome.status, outcome.compared, outcome.ranges) == ("agrees", count, ranges)
    assert outcome.operations == recording.program.operations


def test_disagreement() -> None:
    """What comes after the first one was not compared."""
    outcome = conclude(predict(Mistaken(without_blocks), WITH_BLOCK.program), WITH_BLOCK)
    number = next(n for n, o in enumerate(WITH_BLOCK.observed) if "__split_huge_pmd" in o.sites)
    assert (outcome.status, outcome.compared) == ("disagrees", number + 1)
    assert outcome.disagreement is not None
    assert outcome.disagreement.fields == ("ranges", "sites")


def test_unsupported() -> None:
    """What comes before is compared, and the rest is said."""
    outcome = conclude(predict(Ignorant("fork"), WITH_FORK.program), WITH_FORK)
    assert (outcome.status, outcome.compared) == ("unsupported", FORK)
    assert outcome.reason == "fork is not modelled"


def test_a_mistake_before_what_is_unsupported() -> None:
    """Is a disagreement."""
    prediction = predict(Ignorant("fork"), WITH_FORK.program)
    wrong = replace(prediction.observed[0], result=-1)
    outcome = conclude(replace(prediction, observed=(wrong,)), WITH_FORK)
    assert (outcome.status, outcome.compared) == ("disagrees", 1)


def test_unsupported_from_the_start() -> None:
    """Nothing is compared."""
    name = str(RECORDINGS[0].program.operations[0][0])
    assert predict(Ignorant(name), RECORDINGS[0].program) == Prediction(
        (), f"{name} is not modelled"
    )


def test_a_model_that_fails() -> None:
    """Disagrees, at the operation where it does, with the place in its code."""
    outcome = conclude(predict(Failing("fork"), WITH_FORK.program), WITH_FORK)
    found = outcome.disagreement
    assert found is not None
    assert (found.number, found.fields, found.kind) == (FORK, (FAILED,), ("fork", FAILED))
    assert found.error.startswith("AssertionError: no such thing")
    assert "models.py" in found.error
    assert found.before == WITH_FORK.observed[FORK - 1]


def test_a_model_that_leaves_something_out() -> None:
    """Is broken: that is no result."""

    class Short(Replaying):
        def perform(self, program: Program) -> tuple[Observed, ...]:
            return super().perform(program)[:-1]

    with pytest.raises(ValueError, match=r"performed \d+ operations of the \d+ of"):
        predict(Short(), WITH_FORK.program)


# --- settings -----------------------------------------------------------------------------------


def test_programs_that_settings_change_are_skipped() -> None:
    """Recorded where huge pages were switched off: that program says nothing."""
    settings = replace(SETTINGS, thp_enabled="always madvise [never]")
    huge = next(
        each for each in RECORDINGS if any("HUGEPAGE" in o for o in each.program.operations)
    )
    with judging_recorded(Replaying(), settings) as judge:
        skipped, done = judge(huge), judge(RECORDINGS[0])
    assert (skipped.status, skipped.compared) == ("skipped", 0)
    assert "huge pages are switched off" in skipped.reason
    assert done.status == "agrees"


# --- live ---------------------------------------------------------------------------------------

GOOD = WITH_BLOCK.observed
BAD = tuple(map(without_blocks, GOOD))


def test_one_run_suffices_to_agree() -> None:
    """With everything: a second run could tell nothing more."""
    runs = Runs([GOOD])
    outcome = live(Replaying(), runs)(WITH_BLOCK.program)
    assert (outcome.status, outcome.recording, runs.left) == ("agrees", None, [])


def test_two_runs_to_disagree() -> None:
    """Only what the kernel does twice counts."""
    assert live(Replaying(), Runs([BAD, BAD]))(WITH_BLOCK.program).status == "disagrees"
    assert live(Replaying(), Runs([BAD, GOOD, GOOD]))(WITH_BLOCK.program).status == "agrees"


def test_two_runs_to_record() -> None:
    """A record is never what happened once."""
    runs = Runs([GOOD, GOOD])
    outcome = live(Replaying(), runs, record=True)(WITH_BLOCK.program)
    assert (outcome.status, outcome.recording, runs.left) == ("agrees", WITH_BLOCK, [])


def test_unstable_and_lost() -> None:
    """Said, and never taken for agreement."""
    different = [(replace(GOOD[0], result=-number),) for number in range(1, MOST_RUNS + 1)]
    assert live(Replaying(), Runs(different))(WITH_BLOCK.program).status == "unstable"
    outcome = live(Replaying(), Runs([EndlessProgramError("no end")]))(WITH_BLOCK.program)
    assert (outcome.status, outcome.compared) == ("unstable", 0)
    assert outcome.reason == "the kernel did not come to the end of it"
    outcome = live(Replaying(), Runs([LostEventsError(9)] * MOST_RUNS))(WITH_BLOCK.program)
    assert (outcome.status, outcome.compared) == ("lost", 0)
    assert "9 notifications were lost" in outcome.reason
    again = Runs([LostEventsError(9), GOOD])
    assert live(Replaying(), again)(WITH_BLOCK.program).status == "agrees"


def test_a_failing_model_is_not_accepted() -> None:
    """What it said before it failed may be right; the program still counts as a disagreement."""
    runs = Runs([WITH_FORK.observed, WITH_FORK.observed])
    assert live(Failing("fork"), runs)(WITH_FORK.program).status == "disagrees"


def test_nothing_to_compare() -> None:
    """The kernel is not asked for a program of which the model knows not even the first call."""
    name = str(WITH_FORK.program.operations[0][0])
    outcome = live(Ignorant(name), Runs([]))(WITH_FORK.program)
    assert (outcome.status, outcome.compared) == ("unsupported", 0)
    runs = Runs([WITH_FORK.observed, WITH_FORK.observed])
    recorded = live(Ignorant(name), runs, record=True)(WITH_FORK.program)
    assert (recorded.status, recorded.recording) == ("unsupported", WITH_FORK)


def test_recordings() -> None:
    """All 40 agree with themselves."""
    with judging_recorded(Replaying(), SETTINGS) as judge:
        found = [judge(Recording(each.program, each.observed)).status for each in RECORDINGS]
    assert found == ["agrees"] * 40


def test_settings_are_those_of_the_recording() -> None:
    """As the file says."""
    assert isinstance(SETTINGS, Settings)
    assert (SETTINGS.swap, SETTINGS.ksm_run) == (False, "0")
