"""The day strip: nine to nine, one lane a campaign. Solid is dialled, pale is planned, amber is after the last call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from campaigns import eligibility
from campaigns.calling_hours import SAFETY
from campaigns.eligibility import known_zone
from campaigns.lifecycle import CampaignStatus
from campaigns.models import AuditEntry, Campaign
from campaigns.templatetags.dialer import clock, display_zone, plural
from campaigns.views.campaigns import Summary
from campaigns.views.plan import ends_at, per_minute
from campaigns.views.shares import Share

NINE, TWENTY_ONE = 9, 21
BECOMES = {"launch": "running", "resume": "running", "pause": "paused", "stop": "draining"}
MOST_LANES = 12
NEAR_NOW = 4.0  # per cent: an hour this near to now is not written, now is


@dataclass(frozen=True)
class Axis:
    """From `start` to `end`; the hours of the display zone between them."""

    start: datetime
    end: datetime

    def x(self, moment: datetime) -> float:
        """Per cent of the width, cut off at the edges."""
        share = (moment - self.start) / (self.end - self.start)
        return 100 * min(1.0, max(0.0, share))


@dataclass(frozen=True)
class Segment:
    """`planned` is drawn pale. `x` and `width` in per cent."""

    state: str
    begins: datetime
    ends: datetime
    planned: bool
    x: str
    width: str


@dataclass(frozen=True)
class Lane:
    campaign: Campaign
    note: str
    segments: Sequence[Segment]
    margins: Sequence[tuple[str, str]]  # (x, width) of the time in which the phone could ring after the end
    last_calls: Sequence[datetime] = ()


@dataclass(frozen=True)
class Tick:
    x: str
    text: str
    anchor: str
    kind: str  # "", minor or strong


@dataclass(frozen=True)
class Strip:
    lanes: Sequence[Lane]
    grid: Sequence[str]
    ticks: Sequence[Tick]
    now_x: str
    whole_day: bool
    last_call: datetime | None = None  # the latest of today, of the campaigns that are shown


def strip(
    live: Sequence[Summary],
    ended: Sequence[Campaign],
    shares: dict[int, Share],
    now: datetime,
    *,
    planned: Sequence[tuple[Campaign, int]] = (),
) -> Strip:
    """Live campaigns, those that start later today (with how many people), and those that ended, on the day's axis."""
    axis = axis_of(now)
    shown = [summary.campaign for summary in live][:MOST_LANES] + list(ended)
    spans = _spans(shown, axis, now)
    notes = {one.campaign.pk: _planned(one, shares.get(one.campaign.pk), now) for one in live[:MOST_LANES]}
    lanes = [_lane(campaign, spans[campaign.pk], notes.get(campaign.pk), axis, now) for campaign in shown]
    lanes[len(notes) : len(notes)] = [_lane_ahead(campaign, people, axis, now) for campaign, people in planned]
    hours = _hours(axis)
    return Strip(
        lanes=lanes,
        grid=[f"{axis.x(hour):.2f}%" for hour in hours[1:-1]],
        ticks=_ticks(hours, axis, now),
        now_x=f"{axis.x(now):.2f}%",
        whole_day=len(hours) > 13,
        last_call=max((end for lane in lanes for end in lane.last_calls), default=None),
    )


def axis_of(now: datetime) -> Axis:
    """Nine to nine; all day while now lies outside of it, as a simulated night does."""
    local = now.astimezone(display_zone())
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if NINE <= local.hour < TWENTY_ONE:
        return Axis(midnight.replace(hour=NINE), midnight.replace(hour=TWENTY_ONE))
    return Axis(midnight, midnight + timedelta(days=1))


def _hours(axis: Axis) -> list[datetime]:
    count = round((axis.end - axis.start) / timedelta(hours=1))
    return [axis.start + timedelta(hours=place) for place in range(count + 1)]


def _ticks(hours: Sequence[datetime], axis: Axis, now: datetime) -> list[Tick]:
    """Now, and the hours that do not stand in its way; on a phone only every third."""
    found = [Tick(f"{axis.x(now):.2f}%", f"{now.astimezone(display_zone()):%H:%M}", _anchor(axis.x(now)), "strong")]
    for place, hour in enumerate(hours):
        x, third = axis.x(hour), place % 3 == 0
        if abs(x - axis.x(now)) < NEAR_NOW * (1 if len(hours) < 14 else 1.5) or (len(hours) > 13 and not third):
            continue
        text = f"{hour:%H:%M}" if x in (0, 100) else f"{hour:%H}"
        found.append(Tick(f"{x:.2f}%", text, _anchor(x), "" if third else "minor"))
    return found


def _anchor(x: float) -> str:
    return "start" if x < 2 else "end" if x > 98 else "middle"


# --------------------------------------------------------------------------------------------------------- segments
def _spans(campaigns: Iterable[Campaign], axis: Axis, now: datetime) -> dict[int, list[tuple[str, datetime, datetime]]]:
    """(state, from, until) of each campaign today, as the audit tells it. One query."""
    by_subject = {f"campaign:{campaign.pk}": campaign for campaign in campaigns}
    rows = AuditEntry.objects.filter(subject__in=by_subject, action__in=BECOMES, at__gte=axis.start, at__lte=now)
    acts: dict[int, list[tuple[datetime, str]]] = {campaign.pk: [] for campaign in by_subject.values()}
    for subject, at, action in rows.order_by("at", "pk").values_list("subject", "at", "action"):
        acts[by_subject[subject].pk].append((at, action))
    return {campaign.pk: _of_one(campaign, acts[campaign.pk], axis, now) for campaign in by_subject.values()}


def _of_one(
    campaign: Campaign, acts: Sequence[tuple[datetime, str]], axis: Axis, now: datetime
) -> list[tuple[str, datetime, datetime]]:
    state = _state_before(campaign, acts, axis)
    until = campaign.ended_at or now
    points = [(axis.start, state), *((at, BECOMES[action]) for at, action in acts), (until, "")]
    return [(state, begins, ends) for (begins, state), (ends, _) in pairwise(points) if state and ends > begins]


def _state_before(campaign: Campaign, acts: Sequence[tuple[datetime, str]], axis: Axis) -> str:
    """What it did when the axis began: told by what was done first after that."""
    if campaign.launched_at is None or campaign.launched_at >= axis.start:
        return ""
    if acts:
        return "paused" if acts[0][1] == "resume" else "running"
    return str(campaign.status) if campaign.status != CampaignStatus.COMPLETED else "running"


def _planned(summary: Summary, share: Share | None, now: datetime) -> tuple[datetime | None, str]:
    """When the people due now will have been called at the pace of now, and the words beside the name."""
    campaign = summary.campaign
    if campaign.status != CampaignStatus.RUNNING or not summary.left:
        return None, summary.waiting
    pace = (share.per_minute if share else 0) or per_minute(campaign)
    until = ends_at(campaign, timedelta(minutes=summary.left / max(pace, 0.001)), now)
    words = f"Finishes about {_told(until, now)}" if until and until - now < timedelta(days=1) else "Goes on tomorrow"
    return until, summary.waiting or words


def _told(moment: datetime, now: datetime) -> str:
    """The clock, with the day when it is another one."""
    zone = display_zone()
    same_day = moment.astimezone(zone).date() == now.astimezone(zone).date()
    return clock(moment) if same_day else f"{clock(moment)} tomorrow"


def _lane(
    campaign: Campaign,
    spans: Sequence[tuple[str, datetime, datetime]],
    planned: tuple[datetime | None, str] | None,
    axis: Axis,
    now: datetime,
) -> Lane:
    until, note = planned or (None, f"{campaign.get_status_display()} {clock(campaign.ended_at)}")
    open_spans = openings(campaign, axis)
    found = [
        _segment(axis, state, begins, ends)
        for state, span_begins, span_ends in spans
        for begins, ends in _inside(span_begins, span_ends, open_spans)
    ]
    if until:
        found += [
            _segment(axis, campaign.status, begins, ends, planned=True)
            for begins, ends in _inside(now, min(until, axis.end), open_spans)
        ]
    return Lane(campaign, note, found, *_margins(campaign, open_spans, axis))


def _lane_ahead(campaign: Campaign, people: int, axis: Axis, now: datetime) -> Lane:
    """A campaign that starts by itself: pale from its start on for as long as its first calls take."""
    begins = max(campaign.scheduled_at or now, now)
    until = ends_at(campaign, timedelta(minutes=people / per_minute(campaign)), begins) or axis.end
    open_spans = openings(campaign, axis)
    spans = _inside(begins, min(until, axis.end), open_spans)
    note = f"Opens {clock(begins)}, {plural(people, 'contact,contacts')}"
    drawn = [_segment(axis, campaign.status, start, end, planned=True) for start, end in spans]
    return Lane(campaign, note, drawn, *_margins(campaign, open_spans, axis))


def openings(campaign: Campaign, axis: Axis) -> list[tuple[datetime, datetime]]:
    """The campaign's calling hours on the axis, in its own zone; all of it where there are none."""
    window = eligibility.window_of(campaign)
    if window.all_day or window.shut or not known_zone(campaign.time_zone):
        return [] if window.shut else [(axis.start, axis.end)]
    zone = ZoneInfo(campaign.time_zone)
    length = (axis.end - axis.start).days + 2
    days = [(axis.start + timedelta(days=offset)).astimezone(zone).date() for offset in range(-1, length)]
    found = []
    for day in days:
        begins, ends = (datetime.combine(day, edge, tzinfo=zone) for edge in (window.start, window.end))
        ends += timedelta(days=0 if window.start < window.end else 1)
        found += _inside(begins, ends, [(axis.start, axis.end)])
    return found


def _inside(
    begins: datetime, ends: datetime, openings: Iterable[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    """The parts of a span that lie inside the openings."""
    cut = [(max(begins, opens), min(ends, closes)) for opens, closes in openings]
    return [(start, end) for start, end in cut if start < end]


def _segment(axis: Axis, state: str, begins: datetime, ends: datetime, *, planned: bool = False) -> Segment:
    x = axis.x(begins)
    return Segment(state, begins, ends, planned, f"{x:.2f}%", f"{max(0.4, axis.x(ends) - x):.2f}%")


def _margins(
    campaign: Campaign, openings: Sequence[tuple[datetime, datetime]], axis: Axis
) -> tuple[list[tuple[str, str]], list[datetime]]:
    """Where the phone could ring after the end, so that nobody is dialled there; and the last calls before it."""
    if eligibility.window_of(campaign).all_day:
        return [], []
    margin = timedelta(seconds=campaign.ring_timeout) + SAFETY
    places = [(axis.x(closes - margin), axis.x(closes)) for _, closes in openings]
    return [(f"{x:.2f}%", f"{max(0.4, end - x):.2f}%") for x, end in places], [end - margin for _, end in openings]
