"""The chart of the pace: real, target and forecast on the axis of the day, amber after the last call.

x in per cent, y in pixels, curves in a viewBox of 100 by 100, as in campaigns.views.charts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from campaigns.calling_hours import SAFETY
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign
from campaigns.templatetags.dialer import clock, display_zone, grouped, span, when
from campaigns.views.charts import round_up
from campaigns.views.day import Axis, openings
from campaigns.views.forecast import Forecast
from campaigns.views.shares import target_of

TOP, BASE, HEIGHT = 16, 128, 150  # pixels
MINUTE = timedelta(minutes=1)
SHORTEST = timedelta(minutes=10)
LONGEST = timedelta(hours=24)
YOUNG = 12  # the whole day is drawn once a campaign has dialled for the twelfth part of it
AHEAD = 6  # before that, six times as far as it has come
STEPS = (1, 2, 5, 10, 15, 30, 60, 120)  # minutes between two marks
MOST_MARKS, MOST_POINTS = 13, 180
NEAR = 9.0  # per cent: two words nearer than this would write over each other


@dataclass(frozen=True)
class Mark:
    """A word under the axis; `minor` ones are left out on a phone."""

    x: str
    text: str
    anchor: str
    minor: bool


@dataclass(frozen=True)
class PaceChart:
    """What templates/campaigns/_live_pace.html draws; '' where there is nothing to draw."""

    title: str
    curve: str
    area: str
    target: str
    forecast: str
    grid: Sequence[tuple[float, int]]  # (y in pixels, calls a minute)
    marks: Sequence[Mark]
    now_x: str
    now_anchor: str
    now: int
    end_x: str
    end_anchor: str
    end_text: str
    margins: Sequence[tuple[str, str]]  # (x, width) after the last call
    last_call_x: str
    last_call: str
    rows: Sequence[tuple[datetime, int]]  # (minute or five minutes, calls a minute), newest first
    every: str
    zone: str


def axis(campaign: Campaign, ends_at: datetime | None, now: datetime) -> Axis:
    """From the opening to the end of the calling hours; shorter while the campaign is young, or has ended early."""
    began, last = campaign.launched_at or now, campaign.ended_at or now
    whole = _hours_around(campaign, last)
    first = max(began, whole.start)
    if campaign.ended_at is None:
        if whole.end - whole.start < LONGEST and last - first >= (whole.end - whole.start) / YOUNG:
            return whole
        last = max(last, min(ends_at or whole.end, whole.end, first + max(SHORTEST, AHEAD * (last - first))))
    return _round(Axis(first, max(last, first + SHORTEST)))


def _hours_around(campaign: Campaign, at: datetime) -> Axis:
    """The calling hours that hold this moment, or the latest before it; a day back where there are none."""
    day = Axis(at - LONGEST, at + LONGEST)
    begun = [(start, end) for start, end in openings(campaign, day) if start <= at]
    if not begun or begun[-1][1] - begun[-1][0] >= LONGEST:
        return Axis(at - LONGEST * 0.75, at + LONGEST * 0.75)
    return Axis(*begun[-1])


def _round(given: Axis) -> Axis:
    """Out to whole marks."""
    step = _step(given)
    start = _floor(given.start, step)
    steps = -((start - given.end) // step)
    return Axis(start, start + max(steps, 1) * step)


def _step(given: Axis) -> timedelta:
    return next(
        (step * MINUTE for step in STEPS if (given.end - given.start) / (step * MINUTE) <= MOST_MARKS - 1),
        STEPS[-1] * MINUTE,
    )


def _floor(moment: datetime, step: timedelta) -> datetime:
    local = moment.astimezone(display_zone())
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (local - midnight) // step * step


# ------------------------------------------------------------------------------------------------------------ series
def points(
    known: Mapping[datetime, int], along: Axis, began: datetime, until: datetime
) -> list[tuple[datetime, float]]:
    """(middle, calls a minute) of each whole minute from `began` to `until`; of each five where those are too many."""
    size = MINUTE if (along.end - along.start) / MINUTE <= MOST_POINTS else 5 * MINUTE
    start = _floor(max(began, along.start), size)
    found = []
    while start + size <= until:
        count = sum(known.get(start + minute * MINUTE, 0) for minute in range(int(size / MINUTE)))
        found.append((start + size / 2, count / (size / MINUTE)))
        start += size
    return found


def draw(campaign: Campaign, known: Mapping[datetime, int], ahead: Forecast, along: Axis, now: datetime) -> PaceChart:
    """`known` are calls dialled in each minute (UTC); minutes without any are left out."""
    target = target_of(campaign)
    began, until = campaign.launched_at or now, campaign.ended_at or now
    live, dialling = campaign.ended_at is None, campaign.status == CampaignStatus.RUNNING
    ahead = ahead if dialling else replace(ahead, ends_at=None)
    series = points(known, along, began, until)
    top = round_up(max([target, ahead.pace if live else 0, *(rate for _, rate in series)]))
    real = [_at(along, at, rate, top) for at, rate in series]
    if live and real and not ahead.young:
        real.append(_at(along, now, ahead.last_minute, top))
    line = _path(real)
    now_x = along.x(now)
    end_x = along.x(ahead.ends_at) if ahead.ends_at else 0.0
    shown_end = dialling and ahead.ends_at is not None and ahead.ends_at <= along.end and end_x - now_x > 2 * NEAR
    margins = _margins(campaign, along)
    return PaceChart(
        title=_title(series, target, ahead, live=live),
        curve=line,
        area=f"{line}L{real[-1][0]:.2f} 100L{real[0][0]:.2f} 100Z" if real else "",
        target=_path(
            [
                _at(along, max(began, along.start), target, top),
                _at(along, _target_until(ahead, along, until, live=live), target, top),
            ]
        ),
        forecast=_ahead(along, ahead, now, top) if dialling else "",
        grid=[(BASE - (BASE - TOP) * share, round(top * share)) for share in (0.5, 1)],
        marks=_marks(along),
        now_x=f"{now_x:.2f}%" if live else "",
        now_anchor="end" if now_x > 80 else "start",
        now=ahead.last_minute,
        end_x=f"{end_x:.2f}%" if shown_end else "",
        end_anchor="end" if end_x > 85 else "start",
        end_text=clock(ahead.ends_at) if shown_end else "",
        margins=[(f"{x:.2f}%", f"{max(0.4, end - x):.2f}%") for x, end, _ in margins],
        last_call_x=f"{margins[-1][0]:.2f}%" if margins else "",
        last_call=clock(margins[-1][2]) if margins and margins[-1][0] - now_x > 2 * NEAR else "",
        rows=[
            (at - (series[1][0] - series[0][0]) / 2 if len(series) > 1 else at, round(rate))
            for at, rate in series[:-13:-1]
        ],
        every="minute" if len(series) < 2 or series[1][0] - series[0][0] == MINUTE else "5 minutes",
        zone=f"{now.astimezone(display_zone()):%Z}",
    )


def _target_until(ahead: Forecast, along: Axis, until: datetime, *, live: bool) -> datetime:
    return max(until, min(ahead.ends_at or along.end, along.end)) if live else until


def _at(along: Axis, at: datetime, rate: float, top: int) -> tuple[float, float]:
    return along.x(at), 100 - 100 * rate / top


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.1f}" for x, y in places) if places else ""


def _ahead(along: Axis, ahead: Forecast, now: datetime, top: int) -> str:
    """On at the pace of now to the end, and down."""
    if ahead.ends_at is None:
        return ""
    places = [_at(along, now, ahead.pace, top), _at(along, min(ahead.ends_at, along.end), ahead.pace, top)]
    if ahead.ends_at <= along.end:
        places.append((places[-1][0], 100.0))
    return _path(places)


def _margins(campaign: Campaign, along: Axis) -> list[tuple[float, float, datetime]]:
    """(from, to, last call): where the phone could ring after the end of the calling hours; nobody is dialled there."""
    margin = timedelta(seconds=campaign.ring_timeout) + SAFETY
    ends = [
        end
        for start, end in openings(campaign, Axis(along.start - LONGEST, along.end + LONGEST))
        if end - start < LONGEST
    ]
    return [(along.x(end - margin), along.x(end), end - margin) for end in ends if along.start < end <= along.end]


def _marks(along: Axis) -> list[Mark]:
    step = _step(along)
    moments = []
    at = _floor(along.start, step)
    while at <= along.end:
        moments += [at] if at >= along.start else []
        at += step
    found = [
        Mark(f"{along.x(at):.2f}%", f"{at:%H:%M}", _anchor(along.x(at)), place % 3 != 0)
        for place, at in enumerate(moments)
    ]
    crowded = {after.x for before, after in pairwise(found) if float(after.x[:-1]) - float(before.x[:-1]) < NEAR / 1.6}
    return [mark for mark in found if mark.x not in crowded]


def _anchor(x: float) -> str:
    return "start" if x < 2 else "end" if x > 97 else "middle"


def _title(series: Sequence[tuple[datetime, float]], target: float, ahead: Forecast, *, live: bool) -> str:
    """The chart in one sentence."""
    most = f"at most {grouped(round(max((rate for _, rate in series), default=0)))}"
    if not live:
        return f"Calls a minute from launch to end: {most}; the target was {grouped(round(target))}."
    so_far = f"{grouped(ahead.last_minute)} in the last 60 s, {most} so far; the target is {grouped(round(target))}"
    ends = f"; everybody due is called about {when(ahead.ends_at)}" if ahead.ends_at else ""
    young = f"; dialling for {span(ahead.elapsed.total_seconds())}" if ahead.young and ahead.so_far else ""
    return f"Calls a minute: {so_far}{young}{ends}."
