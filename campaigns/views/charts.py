"""Geometry of charts: x in per cent, y in pixels, curves in a viewBox of 100 by 100. No drawing library, no style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.over_time import Slice
from campaigns.templatetags.dialer import clock, grouped, state_label

TOP, BASE, HEIGHT = 16, 112, 130  # pixels: the plot's upper and lower edge, and the whole with its axis


@dataclass(frozen=True)
class PaceChart:
    """Calls a minute over the last hour, against the target."""

    curve: str
    area: str
    target: str
    grid: list[tuple[float, int]]  # (y in pixels, calls a minute)
    axis: list[tuple[str, str, str]]  # (x, word, text-anchor)
    rows: list[tuple[datetime, int]]
    now: int
    most: int
    wanted: int


def pace(series: Sequence[tuple[datetime, int]], target: float) -> PaceChart:
    """`series` is (minute, calls), oldest first; the minute that still runs is the last."""
    top = _round_up(max([target, *(count for _, count in series)]))
    last = max(len(series) - 1, 1)
    points = [(100 * place / last, 100 - 100 * count / top) for place, (_, count) in enumerate(series)]
    line = "L".join(f"{x:.2f} {y:.1f}" for x, y in points)
    aim = 100 - 100 * target / top
    places = [(0, "start"), (last // 2, "middle"), (last, "end")]
    return PaceChart(
        curve=f"M{line}",
        area=f"M{line}L100 100L0 100Z",
        target=f"M0 {aim:.1f}L100 {aim:.1f}",
        grid=[(BASE - (BASE - TOP) * share, round(top * share)) for share in (0.5, 1)],
        axis=[(f"{100 * place / last:.0f}%", clock(series[place][0]), anchor) for place, anchor in places],
        rows=[(at, count) for at, count in series[-10:]],
        now=series[-2][1] if len(series) > 1 else 0,
        most=max(count for _, count in series),
        wanted=round(target),
    )


def _round_up(value: float) -> int:
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
    top = _round_up(max([1, *(one.total for one in slices)]))
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
