"""Checking a model: what it is called, what counts, what its result says."""

from __future__ import annotations

import pytest

import shootdown
from shootdown.lang.model import Model
from shootdown.scenarios.check import check_case
from shootdown.scenarios.effort import Effort
from shootdown.scenarios.errors import TargetError
from shootdown.scenarios.model_request import UNASSERTED, ModelCase
from shootdown.scenarios.verdict import ScenarioResult

from . import protocols
from .protocols import Gated, Overrides, Silent


def check(model: type[Model]) -> ScenarioResult:
    """The one scenario of a model."""
    return check_case(ModelCase(model), Effort())


@pytest.mark.parametrize(
    ("model", "verdict", "rule", "reason"),
    [
        ("Silent", "holds", None, UNASSERTED),
        ("NeverAsserts", "holds", None, UNASSERTED),
        ("HasARule", "holds", None, None),
        ("CountsToTwenty", "holds", None, None),
        ("Waits", "violated", "deadlock", None),
        ("DaemonWaits", "holds", None, UNASSERTED),
        ("DaemonTakesTwoLocks", "violated", "deadlock", None),
        ("Gated", "violated", "assertion", None),
        ("Overrides", "violated", "assertion", None),
    ],
)
def test_verdicts(model: str, verdict: str, rule: str | None, reason: str | None) -> None:
    """Deadlock, assertions, rules of the model's own; holding says so when it asserted nothing."""
    result = check(getattr(protocols, model))
    assert (result.name, result.verdict, result.rule) == (model, verdict, rule)
    assert result.reason == reason


def test_counters_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The widest counter is tried, and then nothing is said."""
    monkeypatch.setattr("shootdown.scenarios.model_request.WIDEST_COUNTER", 5)
    result = check(protocols.CountsForEver)
    assert (result.verdict, result.rule) == ("undecided", None)
    assert result.reason == "the model reaches its largest size and still breaks counter-width"


def test_names() -> None:
    """Threads go by their method, numbered where there are several; state by its attribute."""
    program = ModelCase(Gated).program()
    assert [actor.name for actor in program.actors] == ["task0", "task1"]
    assert [variable.name for variable in program.variables] == ["gate.open", "passed"]
    assert [actor.name for actor in ModelCase(Overrides).program().actors] == ["run"]


def test_lines_never_reached() -> None:
    """Coverage counts the lines of the model."""
    covered = check(protocols.NeverAsserts).covered
    assert [line.text for line in covered.never] == ["assert self.n == 0"]
    assert (covered.lines, covered.reached) == (5, 4)


def test_size() -> None:
    """All threads count."""
    assert check(protocols.NeverAsserts).size == {"threads": 3}


def test_a_thread_called_task_has_no_operation() -> None:
    """Only tasks of a driver's scenario perform one."""
    shown = str(shootdown.check(Gated))
    assert "task0: " not in shown
    assert "\ntask0 " in shown


def test_from_python() -> None:
    """The result has a verdict, and prints itself as the command line prints it."""
    result = shootdown.check(Silent)
    assert result.verdict == "holds"
    assert (result.kernel, result.arch) == (None, None)
    head, *_, last = str(result).splitlines()
    assert head == "tests/models/protocols.py:Silent"
    assert last == (
        "tests/models/protocols.py:Silent holds: no interleaving breaks a rule in its one "
        "scenario, searched to its end with 2 threads."
    )
    assert f"Silent: {UNASSERTED}" in str(result)


def test_a_violation_from_python() -> None:
    """With the timeline."""
    result = shootdown.check(protocols.Overrides)
    assert result.verdict == "violated"
    assert "How Overrides breaks assertion, in 1 step\n" in str(result)
    assert "sees n: 0" in str(result)
    (example,) = (scenario.counterexample for scenario in result.scenarios)
    assert example is not None and example.broken_at is not None
    assert example.broken_at.text == "assert self.n == 1"
    assert "    assert self.n == 1  tests/models/protocols.py:" in str(result)


def test_a_call_of_ours_that_breaks_a_rule() -> None:
    """The line that made the call is named, not ours."""
    (scenario,) = shootdown.check(protocols.SleepsUnderASpinlock).scenarios
    assert scenario.rule == "sleep-in-atomic"
    assert scenario.counterexample is not None
    assert scenario.counterexample.broken_at is not None
    assert scenario.counterexample.broken_at.text == "cancel_work_sync(self.work)"


def test_each_assertion_has_its_own_words() -> None:
    """All are called `assertion`; the one that was broken is quoted."""
    (scenario,) = shootdown.check(protocols.AssertsTwice).scenarios
    assert scenario.counterexample is not None
    assert scenario.counterexample.sentence == "the second is false"
    assert scenario.counterexample.broken_at is None


def test_limits_from_python() -> None:
    """A search that was cut never holds."""
    result = shootdown.check(Silent, states=2, engine="python")
    assert result.verdict == "undecided"
    assert "holds" not in str(result)


def test_drivers_from_python() -> None:
    """By name, with the options of the command line."""
    result = shootdown.check("kvm", "6.6", "munmap")
    assert (result.verdict, result.kernel) == ("holds", "6.6")
    assert [scenario.name for scenario in result.scenarios] == ["munmap"]
    assert str(result).splitlines()[0] == "kvm on Linux 6.6 (x86)"
    assert str(result).endswith("with 2 pages, 5 page frames, 1 device.")


def test_options_that_do_not_go_with_a_model() -> None:
    """The same refusal as on the command line."""
    with pytest.raises(TargetError, match="Silent is a model, which has no pages"):
        shootdown.check(Silent, pages=2)
