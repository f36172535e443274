"""The plan of the day, drawn: calls by the quarter of an hour and by attempt, as far as they can be foreseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from campaigns import eligibility
from campaigns.calling_hours import SAFETY
from campaigns.models import Campaign
from campaigns.templatetags.dialer import clock, display_zone, grouped
from campaigns.views import expected
from campaigns.views.charts import Part
from campaigns.views.day import NINE, TWENTY_ONE, Axis
from campaigns.views.expected import Expected

TOP, BASE = 24, 128  # pixels
TRIES = (("try-1", "First call"), ("try-2", "Second"), ("try-3", "Third and later"))


@dataclass(frozen=True)
class Bar:
    """Calls of a quarter of an hour."""

    x: str
    width: str
    parts: Sequence[Part]
    title: str


@dataclass(frozen=True)
class PlanDay:
    """`rows` are (from, calls by attempt), `ticks` (x, word, text-anchor, class). `end_left`: its words stand left."""

    expected: Expected
    begins_at: datetime
    last_call: datetime | None
    bars: Sequence[Bar]
    rows: Sequence[tuple[datetime, Sequence[int]]]
    grid: Sequence[tuple[float, int]]
    ticks: Sequence[tuple[str, str, str, str]]
    margin: tuple[str, str] | None
    end_x: str
    end_left: bool

    @property
    def keys(self) -> list[tuple[str, str, int]]:
        """What the legend says: (state, word, calls)."""
        sums = [round(sum(counts[place] for _, counts in self.expected.slices)) for place in range(len(TRIES))]
        return [(state, word, n) for (state, word), n in zip(TRIES, sums, strict=True) if n]

    @property
    def calls(self) -> int:
        return sum(n for *_, n in self.keys)

    @property
    def sentence(self) -> str:
        """What the chart shows, for those who do not see it."""
        parts = ", ".join(f"{grouped(n)} {word.lower()}" for _, word, n in self.keys)
        ends_at = self.expected.ends_at
        end = f"finished about {clock(ends_at)}" if ends_at else "not finished on this day"
        return f"Planned calls every 15 minutes by attempt: {parts}; {end}."


def plan_day(campaign: Campaign, people: int, now: datetime) -> PlanDay | None:
    """The day on which dialling begins, if it began `now` or when the hours open; None if they never do."""
    opening = eligibility.hours_of(campaign, "", now)
    begins = now if opening.open else opening.opens_at
    if begins is None or not people:
        return None
    axis = _axis(campaign, begins)
    found = expected.expected(campaign, people, axis, begins)
    top = _round_up(max((sum(counts) for _, counts in found.slices), default=1))
    end_x = axis.x(found.ends_at) if found.ends_at else 100.0
    last_call = eligibility.hours_of(campaign, "", begins).last_call
    return PlanDay(
        expected=found,
        begins_at=begins,
        last_call=last_call,
        bars=[_bar(axis, at, counts, top) for at, counts in found.slices],
        rows=[(at, [round(n) for n in counts]) for at, counts in found.slices],
        grid=[(BASE - (BASE - TOP) * part, round(top * part)) for part in (0.5, 1)],
        ticks=_ticks(axis),
        margin=_margin(campaign, axis, last_call),
        end_x=f"{end_x:.2f}%",
        end_left=end_x > 80,
    )


def _axis(campaign: Campaign, begins: datetime) -> Axis:
    """Nine to nine; midnight to midnight for hours that reach beyond."""
    local = begins.astimezone(display_zone())
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    window = eligibility.window_of(campaign)
    beyond = window.all_day or window.start < time(NINE) or window.end > time(TWENTY_ONE) or window.end < window.start
    if beyond or not NINE <= local.hour < TWENTY_ONE:
        return Axis(midnight, midnight + timedelta(days=1))
    return Axis(midnight.replace(hour=NINE), midnight.replace(hour=TWENTY_ONE))


def _bar(axis: Axis, at: datetime, counts: Sequence[float], top: float) -> Bar:
    width = 100 * (expected.QUARTER / (axis.end - axis.start))
    parts, base = [], float(BASE)
    for (state, _), count in zip(TRIES, counts, strict=True):
        if count >= 0.5:
            height = (BASE - TOP) * count / top
            base -= height
            parts.append(Part(state, f"{base:.1f}", f"{max(height, 0.6):.1f}"))
    return Bar(f"{axis.x(at) + 0.08 * width:.2f}%", f"{0.84 * width:.2f}%", parts, f"{clock(at)}: {round(sum(counts))}")


def _round_up(value: float) -> int:
    """The next round number: 1, 2, 4, 6, 10, 20 …"""
    scale = 1
    while True:
        for step in (1, 2, 4, 6):
            if step * scale >= value:
                return step * scale
        scale *= 10


def _margin(campaign: Campaign, axis: Axis, last_call: datetime | None) -> tuple[str, str] | None:
    """Where the phone could ring after the end of the hours: nobody is dialled there. At least wide enough to see."""
    if last_call is None or not axis.start < last_call < axis.end:
        return None
    end = last_call + timedelta(seconds=campaign.ring_timeout) + SAFETY
    width = max(0.6, axis.x(end) - axis.x(last_call))
    return f"{min(axis.x(last_call), 100 - width):.2f}%", f"{width:.2f}%"


def _ticks(axis: Axis) -> list[tuple[str, str, str, str]]:
    count = round((axis.end - axis.start) / timedelta(hours=1))
    whole = count > 13
    found = []
    for place in range(0, count + 1, 3 if whole else 1):
        anchor = "start" if place == 0 else "end" if place == count else "middle"
        hour = axis.start + timedelta(hours=place)
        word = "24:00" if whole and place == count else f"{hour:%H:%M}"
        found.append((f"{100 * place / count:.2f}%", word, anchor, "" if place % (6 if whole else 3) == 0 else "minor"))
    return found
