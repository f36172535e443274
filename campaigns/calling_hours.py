"""When may a person be called: pure arithmetic in that person's zone.

A window is two wall-clock times; equal times mean all day, an end before the start runs over midnight. Nobody is
dialled so late that the phone could still ring after the end: the last call is `margin` before it. A wall-clock time
that does not exist (a clock put forward) opens at the first instant after the gap; one that exists twice is open
both times.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The widest window that the law, or prudence, leaves for a purpose; in the person's zone. Sources:
# TRAI bars commercial calls 21:00-09:00; RBI (12 Aug 2022) bars recovery calls before 08:00 and after 19:00.
# Service calls have no statutory window in India; nobody wants them at night either.
CEILINGS: dict[str, tuple[time, time]] = {
    "service": (time(9), time(21)),
    "promotional": (time(9), time(21)),
    "recovery": (time(8), time(19)),
}
SAFETY = timedelta(seconds=10)
_ALL_DAY = time(0)


@dataclass(frozen=True)
class Window:
    """From `start` until `end`, wall clock. `Window(time(0), time(0))` is all day."""

    start: time
    end: time

    @property
    def all_day(self) -> bool:
        return self.start == self.end

    def __str__(self) -> str:
        return "all day" if self.all_day else f"{self.start:%H:%M}–{self.end:%H:%M}"


@dataclass(frozen=True)
class Hours:
    """Whether a call may start at the instant asked about; if not, the first instant at which one may."""

    open: bool
    opens_at: datetime | None
    last_call: datetime | None = None  # of the window that is open


def ceiling(purpose: str, *, simulated: bool) -> Window:
    """The legal ceiling of a purpose. Where no real phone can ring there is none."""
    return Window(_ALL_DAY, _ALL_DAY) if simulated else Window(*CEILINGS[purpose])


def default_window(purpose: str, *, simulated: bool) -> Window:
    return ceiling(purpose, simulated=simulated)


def within(window: Window, limit: Window) -> bool:
    """Whether `window` lies inside `limit` (both as operators set them: limits never run over midnight)."""
    if limit.all_day:
        return True
    return not window.all_day and limit.start <= window.start < window.end <= limit.end


def narrowed(window: Window, limit: Window) -> Window:
    """The part of `window` inside `limit`; a window set wider than the law allows is cut, never trusted."""
    if limit.all_day:
        return window
    if window.all_day or window.end < window.start:
        return limit
    start, end = max(window.start, limit.start), min(window.end, limit.end)
    return Window(start, end) if start < end else limit


def hours(now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int) -> Hours:
    """May a call start at `now` (aware)? `ring_timeout` seconds is how long the phone may ring."""
    if window.all_day:
        return Hours(open=True, opens_at=None)
    margin = timedelta(seconds=ring_timeout) + SAFETY
    today = now.astimezone(zone).date()
    opens_at = None
    for day in range(-1, 9):
        start, end = _span(today + timedelta(days=day), window, zone)
        last_call = end - margin
        if start <= now <= last_call:
            return Hours(open=True, opens_at=None, last_call=last_call)
        if start > now and start <= last_call:
            opens_at = start
            break
    return Hours(open=False, opens_at=opens_at)


def _span(day: date, window: Window, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last_day = day if window.start < window.end else day + timedelta(days=1)
    return _instant(day, window.start, zone, fold=0), _instant(last_day, window.end, zone, fold=1)


def _instant(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """The instant of a wall-clock time: the earlier of two for a start (fold 0), the later for an end (fold 1).

    In a gap fold 0 would give an instant an hour too early in the new offset's terms; round-tripping finds the gap,
    and the first instant after it is taken.
    """
    wall = datetime.combine(day, at, tzinfo=zone).replace(fold=fold)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    before = wall.replace(fold=1).astimezone(UTC)  # in a gap, fold 1 uses the offset after it: an earlier instant
    return _first_after_gap(before, zone)


def _first_after_gap(low: datetime, zone: ZoneInfo) -> datetime:
    """The instant within the next three hours at which the zone's offset changes (bisected to the second)."""
    high = low + timedelta(hours=3)
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
