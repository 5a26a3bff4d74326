"""`--liveness` and `--starvation` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run

MODELS = Path(__file__).parents[2] / "examples" / "models"
FAIR, TEST_AND_SET, POLITE = (
    str(MODELS / f"07_fair_lock{name}.py") for name in ("", "_test_and_set", "_too_polite")
)


def test_exit_status(run: Run) -> None:
    """0 where all get something done, 1 where somebody does not, if that is asked."""
    assert run("check", "--starvation", FAIR).exit_code == 0
    assert run("check", "--liveness", TEST_AND_SET).exit_code == 0
    assert run("check", "--starvation", TEST_AND_SET).exit_code == 1
    assert run("check", "--liveness", POLITE).exit_code == 1
    assert run("check", POLITE).exit_code == 0


def test_a_cut_search_is_undecided(run: Run) -> None:
    """Loops among some of the states would say nothing."""
    done = run("check", "--liveness", "--states", "20", FAIR)
    assert done.exit_code == 3
    assert "undecided" in done.stdout


def test_json(run: Run) -> None:
    """A counterexample tells where its loop begins; a scenario what was asked of it."""
    found = json.loads(run("check", "--liveness", "--json", "-", POLITE).stdout)["scenarios"][0]
    assert (found["rule"], found["liveness"]) == ("no-progress", "system")
    assert found["counterexample"]["loop"] == 0
    assert len(found["counterexample"]["steps"]) == 6
    plain = json.loads(run("check", "--json", "-", POLITE).stdout)["scenarios"][0]
    assert (plain["verdict"], plain["liveness"]) == ("holds", None)


def test_all_rules_end_with_a_loop(run: Run) -> None:
    """There is nothing to find past a loop; past a broken rule none is looked for."""
    assert run("check", "--liveness", "--all-rules", POLITE).exit_code == 1
    words = ("--liveness", "--all-rules", "--operations", "munmap", "--json", "-", "naive-tlb")
    (scenario,) = json.loads(run("check", *words).stdout)["scenarios"]
    rules = [scenario["rule"], *(more["rule"] for more in scenario["counterexamples"])]
    assert "freed-frame" in rules
    assert "no-progress" not in rules


def test_a_kept_check_is_for_one_question(run: Run) -> None:
    """What was kept without looking at loops is no answer about them."""
    assert run("check", "--checkpoint", "kept", TEST_AND_SET).exit_code == 0
    done = run("check", "--resume", "kept", "--starvation", TEST_AND_SET)
    assert done.exit_code == 2
    assert "liveness" in done.stderr


def test_no_test_is_written_of_a_loop(run: Run) -> None:
    """A run that never ends cannot be taken again."""
    done = run("check", "--liveness", "--write-test", "test_it.py", POLITE)
    assert done.exit_code == 1
    assert "what broke is no run that ends, so test_it.py was not written" in done.stderr
