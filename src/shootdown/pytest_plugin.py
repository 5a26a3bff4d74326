"""The fixture `shootdown`: checks as tests, and nothing for those who do not use it.

    def test_mirror(shootdown):
        shootdown.holds(Mirror, kernel="6.6", operations="munmap, fork")

    def test_what_the_retry_is_for(shootdown):
        shootdown.violates(Hasty, rule="freed-frame")

A test that fails prints the report with the timeline, not the inside of the checker. pytest loads
this module in every run, so it imports the checker when the fixture is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from shootdown.api import PrintedResult
    from shootdown.scenarios.classes import Target


def pytest_addoption(parser: pytest.Parser) -> None:
    """What holds for all checks of a run; a test that says otherwise is right."""
    group = parser.getgroup("shootdown", "checks of drivers and models")
    group.addoption(
        "--shootdown-time",
        type=_positive,
        metavar="SECONDS",
        help="Stop each check after so many seconds; its test fails as undecided.",
    )
    group.addoption(
        "--shootdown-workers",
        type=_count,
        default=1,
        metavar="N",
        help="Threads that share the search of each check. Default: 1.",
    )
    group.addoption(
        "--shootdown-engine",
        choices=["native", "python"],
        default="native",
        help="Compiled search, or the slow reference that needs no LLVM. Default: native.",
    )


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise ValueError(text)
    return value


@pytest.fixture(name="shootdown")
def shootdown_fixture(request: pytest.FixtureRequest) -> Checks:
    """Checks of drivers and models: `shootdown.holds(…)`, `shootdown.violates(…)`."""
    config = request.config
    return Checks(
        {
            "seconds": config.getoption("--shootdown-time"),
            "workers": config.getoption("--shootdown-workers"),
            "engine": config.getoption("--shootdown-engine"),
        }
    )


class Checks:
    """What a test expects of a driver or model. Options are those of `shootdown.check`."""

    def __init__(self, usual: dict[str, Any]) -> None:
        self._usual = usual

    def holds(self, target: Target | str, **options: Any) -> PrintedResult:
        """It must hold, in every scenario; what was found."""
        __tracebackhide__ = True
        result = self._check(target, options)
        if result.verdict != "holds":
            _fail(f"{result.target} should hold, and is {result.verdict}", result)
        return result

    def violates(
        self, target: Target | str, rule: str | None = None, **options: Any
    ) -> PrintedResult:
        """It must break this rule, or any, in some scenario; what was found."""
        __tracebackhide__ = True
        result = self._check(target, options)
        if rule is not None and result.verdict == "violated" and rule not in _broken(result):
            result = self._check(target, {**options, "all_rules": True})  # it may come later
        wanted = "a rule" if rule is None else rule
        if result.verdict != "violated":
            _fail(f"{result.target} should break {wanted}, and {_instead(result)}", result)
        if rule is not None and rule not in _broken(result):
            others = ", ".join(sorted(_broken(result)))
            _fail(f"{result.target} should break {rule}, and breaks {others}", result)
        return result

    def _check(self, target: Target | str, options: dict[str, Any]) -> PrintedResult:
        __tracebackhide__ = True
        from shootdown.api import check
        from shootdown.cli.errors import explain

        try:
            return check(target, **{**self._usual, **options})
        except Exception as error:
            message = explain(error)
            if message is None:
                raise
        pytest.fail(message, pytrace=False)  # out here, where no other exception is being handled


def _broken(result: PrintedResult) -> set[str]:
    return {found.rule for row in result.scenarios for found in row.broken}


def _instead(result: PrintedResult) -> str:
    return "holds" if result.verdict == "holds" else f"is {result.verdict}"


def _fail(what: str, result: PrintedResult) -> NoReturn:
    """The report in place of a traceback."""
    pytest.fail(f"{what}\n\n{result}", pytrace=False)
