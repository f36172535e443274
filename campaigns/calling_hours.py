"""When may a person be called: pure arithmetic in that person's zone.

A window is two wall-clock times; equal times mean all day, an end before the start runs over midnight. Open is when
the clock on that person's wall stands inside it, whatever was done to the clock that day: a start that does not exist
(put forward) is the first instant after the gap, an hour that comes twice (put back) is open both times, and one that
runs out of the window twice is closed in between. Nobody is dialled so late that the phone could still ring after
the end: the last call is `margin` before it.
"""

from collections.abc import Iterator, Sequence
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
AND = " & "  # between the two ends of a country whose clocks differ
_ALL_DAY = time(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """From `start` until `end`, wall clock. `Window(time(0), time(0))` is all day, NEVER has no hour at all."""

    start: time
    end: time
    shut: bool = False

    @property
    def all_day(self) -> bool:
        return self.start == self.end and not self.shut

    def __str__(self) -> str:
        if self.shut:
            return "never"
        return "all day" if self.all_day else f"{self.start:%H:%M}–{self.end:%H:%M}"


NEVER = Window(_ALL_DAY, _ALL_DAY, shut=True)


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
    return not window.all_day and not window.shut and limit.start <= window.start < window.end <= limit.end


def narrowed(window: Window, limit: Window) -> Window:
    """The part of `window` inside `limit`: never an hour that one of them excludes.

    A window over midnight may be cut in two; the longer part is kept. NEVER if they have no hour in common.
    """
    if limit.all_day or window.shut:
        return window
    if window.all_day:
        return limit
    parts = [window] if window.start < window.end else [Window(window.start, time.max), Window(time.min, window.end)]
    common = [Window(max(part.start, limit.start), min(part.end, limit.end)) for part in parts]
    return max((part for part in common if part.start < part.end), key=_length, default=NEVER)


def _length(window: Window) -> timedelta:
    return datetime.combine(date.min, window.end) - datetime.combine(date.min, window.start)


def hours(now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int) -> Hours:
    """May a call start at `now` (aware)? `ring_timeout` seconds is how long the phone may ring."""
    if window.all_day:
        return Hours(open=True, opens_at=None)
    margin = timedelta(seconds=ring_timeout) + SAFETY
    for start, end in _openings(now.astimezone(zone).date(), window, zone):
        last_call = end - margin
        if start <= now <= last_call:
            return Hours(open=True, opens_at=None, last_call=last_call)
        if now < start <= last_call:
            return Hours(open=False, opens_at=start)
    return Hours(open=False, opens_at=None)


def hours_everywhere(now: datetime, window: Window, zones: Sequence[ZoneInfo], ring_timeout: int) -> Hours:
    """`hours` where a person may be in any of several zones: open only while it is open in all of them."""
    at = now
    for _ in range(20):
        found = [hours(at, window, zone, ring_timeout) for zone in zones]
        if all(each.open for each in found):
            last_call = min((each.last_call for each in found if each.last_call), default=None)
            return Hours(open=True, opens_at=None, last_call=last_call) if at == now else Hours(open=False, opens_at=at)
        opens = [each.opens_at for each in found if not each.open]
        if None in opens:
            break
        at = max(instant for instant in opens if instant)
    return Hours(open=False, opens_at=None)


def _openings(today: date, window: Window, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Beginnings and ends (UTC) from yesterday's on, in order."""
    for day in range(-1, 0 if window.shut else 9):
        yield from _of_day(today + timedelta(days=day), window, zone)


def _of_day(day: date, window: Window, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The opening that begins on `day`: none if a gap swallows it, two if a clock put back leaves it and returns."""
    start = datetime.combine(day, window.start, tzinfo=UTC)
    end = datetime.combine(day, window.end, tzinfo=UTC)
    end += timedelta(days=0 if window.start < window.end else 1)
    before, after = _offset(start - _DAY, zone), _offset(end + _DAY, zone)
    if before == after:
        return [(start - before, end - before)]
    turn = _turn(start - _DAY, end + _DAY, zone)
    parts = [(start - before, min(end - before, turn)), (max(start - after, turn), end - after)]
    parts = [part for part in parts if part[0] < part[1]]
    if len(parts) == 2 and parts[0][1] == parts[1][0]:
        return [(parts[0][0], parts[1][1])]
    return parts


def _turn(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The instant between two at which the zone's offset changes (offsets change at whole seconds)."""
    offset = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high.replace(microsecond=0)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()
