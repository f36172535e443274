"""Geometry of charts: x in per cent, y in pixels, curves in a viewBox of 100 by 100. No drawing library, no style."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.templatetags.dialer import clock

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
