"""The tables that are printed. A ratio above 1 always says that ours is better."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.command import Timing
from benchmarks.outcome import Outcome
from benchmarks.race import Race
from benchmarks.replay import ReplayTiming

MILLION = 1e6


def search_table(races: Sequence[Race]) -> Table:
    """For each instance: ours on one core and on two, SPIN's best of each, the ratios."""
    table = Table(title="Search: the same protocol, every state and every transition")
    table.add_column("instance")
    table.add_column("who")
    headings = ("states", "seconds", "to", "M states/s", "M trans./s", "bytes/state", "in all, s")
    busy = ("search CPU, s", "all CPU, s")
    for heading in (*headings, *busy):
        table.add_column(heading, justify="right")
    for race in races:
        table.add_row(race.instance.name, "shootdown", *_row(race.best, race.ours))
        if race.best_shared:
            table.add_row("", "shootdown, 2 cores", *_row(race.best_shared, race.ours_shared))
        for peer in (race.peer, race.peer_shared):
            if peer:
                table.add_row("", f"spin {peer.configuration}", *_row(peer, _rounds_of(race, peer)))
        if race.peer:
            table.add_row("", "ratio, one core", *_ratios(race, race.best, race.peer), style="bold")
        if race.best_shared:
            table.add_row("", "two cores to one", *_speedup(race, race.best_shared), style="bold")
        table.add_section()
    return table


def _rounds_of(race: Race, peer: Outcome) -> Sequence[Outcome]:
    return next(rounds for rounds in race.spin if peer in rounds)


def _row(best: Outcome, rounds: Sequence[Outcome]) -> list[str]:
    return [
        f"{best.states:,}",
        f"{best.search_seconds:.2f}",
        f"{max(outcome.search_seconds for outcome in rounds):.2f}",
        f"{best.states_per_second / MILLION:.2f}",
        f"{best.transitions_per_second / MILLION:.2f}",
        f"{best.bytes_per_state:.0f}",
        f"{min(outcome.total_seconds for outcome in rounds):.2f}",
        f"{min(outcome.search_busy for outcome in rounds):.2f}",
        f"{min(outcome.total_busy for outcome in rounds):.2f}",
    ]


def _ratios(race: Race, ours: Outcome, peer: Outcome) -> list[str]:
    assert race.peer_total is not None
    return [
        "equal" if race.counts_agree else "DIFFER",
        "",
        "",
        f"{ours.states_per_second / peer.states_per_second:.2f}",
        f"{ours.transitions_per_second / peer.transitions_per_second:.2f}",
        f"{peer.bytes_per_state / ours.bytes_per_state:.2f}",
        f"{race.peer_total / race.total:.2f}",
        *(f"{ratio:.2f}" for ratio in race.busy_ratios),
    ]


def _speedup(race: Race, shared: Outcome) -> list[str]:
    factor = f"{race.best.search_seconds / shared.search_seconds:.2f}"
    return ["", "", "", factor, *[""] * 5]


def command_table(timings: Sequence[Timing]) -> Table:
    """One line for each command; the ratio is SPIN's wait to this one."""
    table = Table(title="From the command to the verdict")
    table.add_column("command")
    for heading in ("runs", "median, s", "least", "most", "processor, s", "spin / this"):
        table.add_column(heading, justify="right")
    spin = timings[-1]
    for timing in timings:
        if timing.skipped is not None:
            table.add_row(timing.name, f"skipped: {timing.skipped}")
            continue
        ratio = f"{spin.median / timing.median:.2f}" if spin.seconds else ""
        table.add_row(
            timing.name,
            str(len(timing.seconds)),
            f"{timing.median:.3f}",
            f"{min(timing.seconds):.3f}",
            f"{max(timing.seconds):.3f}",
            f"{min(timing.busy):.3f}",
            ratio,
        )
    return table


def replay_table(timings: Sequence[ReplayTiming]) -> Table:
    """Two lines for each driver, native and interpreter; the ratio is between the two."""
    table = Table(title="Replay: one process, sixteen regions")
    table.add_column("driver")
    table.add_column("engine")
    for heading in ("calls", "seconds", "calls/s", "page operations/s", "this / python"):
        table.add_column(heading, justify="right")
    plain = {one.driver: one for one in timings if one.engine == "python"}
    for one in timings:
        ratio = one.page_operations_per_second / plain[one.driver].page_operations_per_second
        table.add_row(
            one.driver,
            one.engine,
            f"{one.calls:,}",
            f"{one.seconds:.2f}",
            f"{one.calls_per_second:,.0f}",
            f"{one.page_operations_per_second:,.0f}",
            f"{ratio:.2f}",
        )
    return table
