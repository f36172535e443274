"""Geometry of charts: x in per cent, y in pixels, curves in a viewBox of 100 by 100. No drawing library, no style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.lifecycle import Outcome
from campaigns.over_time import Slice
from campaigns.progress import REACHED
from campaigns.tallies import Sums
from campaigns.templatetags.dialer import clock, grouped, state_label

TOP, BASE = 16, 112  # pixels: the plot's upper and lower edge


@dataclass(frozen=True)
class Spark:
    """A small curve without an axis, in a viewBox of 100 by 24."""

    curve: str
    area: str


def spark(values: Sequence[float]) -> Spark | None:
    """The curve of at least three values, from nought; fewer say nothing."""
    if len(values) < 3 or not any(values):
        return None
    top, last = max(values), len(values) - 1
    line = "L".join(f"{100 * place / last:.1f} {22 - 20 * value / top:.1f}" for place, value in enumerate(values))
    return Spark(f"M{line}", f"M{line}L100 24L0 24Z")


def whole(slices: Mapping[datetime, Sums], length: timedelta, now: datetime) -> dict[datetime, Sums]:
    """Without the slice that still goes on: its count would look like a fall."""
    return {at: sums for at, sums in slices.items() if at + length <= now}


def spark_of(slices: Mapping[datetime, Sums], measure: str) -> Spark | None:
    """How often something happened in each slice."""
    return spark([sums.get(measure, 0) for sums in slices.values()])


def spark_of_share(slices: Mapping[datetime, Sums]) -> Spark | None:
    """Which share of the calls was answered in each slice; slices without an outcome are left out."""
    shares = []
    for sums in slices.values():
        reached = sum(sums.get(f"outcome:{outcome}", 0) for outcome in REACHED)
        shares += [sums.get(f"outcome:{Outcome.ANSWERED}", 0) / reached] if reached else []
    return spark(shares)


def round_up(value: float) -> int:
    """The next round number: 1, 2, 4, 6, 10, 20, 40, 60, 100 …"""
    scale = 1
    while True:
        for step in (2, 4, 6, 10):
            if step * scale >= value:
                return step * scale
        scale *= 10


@dataclass(frozen=True)
class Part:
    """One outcome of one bar."""

    state: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    """One slice of time."""

    x: str
    width: str
    parts: list[Part]
    title: str


@dataclass(frozen=True)
class OutcomeChart:
    """Outcomes in stacked bars."""

    bars: list[Bar]
    grid: list[tuple[float, int]]
    axis: list[tuple[str, str, str]]
    rows: list[tuple[datetime, list[int], int]]  # (from, counts in the order of the states, total), newest first
    states: Sequence[str]
    most: int


def outcomes(slices: Sequence[Slice], states: Sequence[str]) -> OutcomeChart:
    """`slices` oldest first; `states` from the bottom of a bar to its top."""
    top = round_up(max([1, *(one.total for one in slices)]))
    width = 100 / max(len(slices), 1)
    places = [(0, "start"), (len(slices) // 2, "middle"), (len(slices) - 1, "end")]
    edges = {"start": 0.0, "middle": 0.0, "end": 1.0}
    return OutcomeChart(
        bars=[_stack(one, place * width, width, top, states) for place, one in enumerate(slices) if one.total],
        grid=[(BASE - (BASE - TOP) * share, round(top * share)) for share in (0.5, 1)],
        axis=[(f"{(place + edges[how]) * width:.1f}%", clock(slices[place].at), how) for place, how in places],
        rows=[(one.at, [one.outcomes.get(state, 0) for state in states], one.total) for one in reversed(slices)][:12],
        states=states,
        most=max((one.total for one in slices), default=0),
    )


def _stack(one: Slice, x: float, width: float, top: float, states: Sequence[str]) -> Bar:
    parts, base = [], float(BASE)
    for state in states:
        if one.outcomes.get(state):
            height = (BASE - TOP) * one.outcomes[state] / top
            base -= height
            parts.append(Part(state, f"{base:.1f}", f"{max(height, 0.6):.1f}"))
    words = ", ".join(
        f"{grouped(one.outcomes[state])} {state_label(state).lower()}" for state in states if one.outcomes.get(state)
    )
    return Bar(f"{x + 0.08 * width:.2f}%", f"{0.84 * width:.2f}%", parts, f"{clock(one.at)}: {words}")
