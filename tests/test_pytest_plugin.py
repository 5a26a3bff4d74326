"""The fixture `shootdown`, in runs of pytest of its own: each is a process."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

# Whether or not this checkout is installed with its entry point, the plugin is loaded once.
PLUGIN = ("-p", "no:shootdown", "-p", "shootdown.pytest_plugin", "-p", "no:cacheprovider")

MODELS = """
from shootdown import Int, Model, thread

class Right(Model):
    def __init__(self):
        self.n = Int(0, 1)

    @thread
    def writer(self):
        self.n = 1
        assert self.n == 1, "nobody else writes"

class Wrong(Right):
    @thread
    def other(self):
        self.n = 0

class NoModel(Right):
    @thread
    def writer(self):
        import os
"""


@pytest.fixture
def models(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makepyfile(models=MODELS)
    return pytester


def test_expectations_that_are_met(models: pytest.Pytester) -> None:
    """By class or by name; the result is there for more questions."""
    models.makepyfile(
        """
        from models import Right, Wrong

        def test_right(shootdown):
            result = shootdown.holds(Right)
            assert [row.name for row in result.scenarios] == ["Right"]

        def test_wrong(shootdown):
            shootdown.violates(Wrong)
            assert shootdown.violates(Wrong, rule="assertion").verdict == "violated"

        def test_shipped_drivers(shootdown):
            shootdown.holds("kvm", kernel="6.6", operations="munmap")
            options = {"kernel": "3.18", "operations": "munmap"}
            result = shootdown.violates("naive-tlb", rule="freed-frame", **options)
            assert not result.scenarios[0].complete
            result = shootdown.violates("naive-tlb", rule="freed-table", **options)
            assert result.scenarios[0].complete, "a later rule takes a search past the first"
        """
    )
    models.runpytest_subprocess(*PLUGIN, "--shootdown-workers", "2").assert_outcomes(passed=3)


def test_expectations_that_are_not_met(models: pytest.Pytester) -> None:
    """What was expected, and the report with the timeline; nothing of the checker's inside."""
    models.makepyfile(
        """
        from models import NoModel, Right, Wrong

        def test_holds(shootdown):
            shootdown.holds(Wrong)

        def test_violates(shootdown):
            shootdown.violates(Right, rule="deadlock")

        def test_another_rule(shootdown):
            shootdown.violates(Wrong, rule="deadlock")

        def test_no_model(shootdown):
            shootdown.holds(NoModel)

        def test_no_driver(shootdown):
            shootdown.holds("naive-tbl")

        def test_no_kernel(shootdown):
            shootdown.holds("kvm", kernel="six")
        """
    )
    result = models.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(
        [
            "models.py:Wrong should hold, and is violated",
            "How Wrong breaks assertion, in 3 steps",
            "writer * other",
            "This breaks assertion: nobody else writes.",
            "models.py:Right should break deadlock, and holds",
            "models.py:Wrong should break deadlock, and breaks assertion",
            "models.py:*: error: *",
            "error: there is no driver `naive-tbl`",
            "error: `six` is not a kernel version",
        ]
    )
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "During handling" not in text
    assert "pytest_plugin.py" not in text
    assert "def check" not in text


def test_options_of_a_run(models: pytest.Pytester) -> None:
    """A limit leaves checks undecided, which nobody expects; a test may say otherwise."""
    models.makepyfile(
        """
        from models import Right, Wrong

        def test_holds(shootdown):
            shootdown.holds(Right)

        def test_violates(shootdown):
            shootdown.violates(Wrong)

        def test_its_own_limit(shootdown):
            shootdown.holds(Right, seconds=60, engine="native")
        """
    )
    words = ("--shootdown-time", "1e-9", "--shootdown-engine", "python")
    result = models.runpytest_subprocess(*PLUGIN, *words)
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*models.py:Right should hold, and is undecided",
            "*models.py:Wrong should break a rule, and is undecided",
        ]
    )
    for words in (("--shootdown-time", "0"), ("--shootdown-workers", "none")):
        result = models.runpytest_subprocess(*PLUGIN, *words)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*argument {words[0]}: invalid * value: '{words[1]}'"])


def test_it_costs_nothing_where_it_is_not_used(models: pytest.Pytester) -> None:
    """pytest loads every plugin that is installed; this one imports nothing before it is used."""
    models.makepyfile(
        """
        import sys

        def test_what_is_there():
            loaded = {name for name in sys.modules if name.startswith("shootdown")}
            assert loaded == {"shootdown", "shootdown.pytest_plugin"}
            assert not {"numba", "llvmlite", "msgspec", "click"} & set(sys.modules)
        """
    )
    models.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)
