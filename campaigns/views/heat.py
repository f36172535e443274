"""When people answer: the share of calls answered by weekday and hour, of the last four weeks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import tallies
from campaigns.templatetags.dialer import display_zone

WEEKS = timedelta(days=28)
ROW = 24  # pixels
NAMES_TAKE = 8.0  # per cent of the width, for the names of the days
NINE, TWENTY_ONE = 9, 21
ENOUGH = 10  # calls in an hour below which a share says nothing
SHADES = 6
DARK_FROM = 4  # the shade from which the figure is written in the light ink
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Cell:
    """One hour of one weekday; `share` in whole per cent, None where there were too few calls."""

    share: int | None
    shade: int
    x: str
    middle: str
    width: str


@dataclass(frozen=True)
class Row:
    name: str
    y: int
    text_y: int
    cells: Sequence[Cell]

    @property
    def ink(self) -> int:
        return DARK_FROM


@dataclass(frozen=True)
class Heat:
    """Rows of cells; `low` and `high` are the least and the greatest share, in per cent."""

    rows: Sequence[Row]
    hours: Sequence[tuple[str, str]]  # (x, "09")
    low: int
    high: int
    height: int
    title: str


def heat(kind: str, now: datetime) -> Heat | None:
    """Of all campaigns on accounts of this kind; None while no hour has had enough calls. One query."""
    counts = _by_hour(tallies.answers_each_half_hour(kind, now - WEEKS))
    shares = {place: answered / reached for place, (answered, reached) in counts.items() if reached >= ENOUGH}
    if not shares:
        return None
    hours = range(min(NINE, *(hour for _, hour in shares), NINE), max(TWENTY_ONE, *(hour + 1 for _, hour in shares)))
    days = [day for day in range(7) if day < 6 or any(known == day for known, _ in shares)]
    return Heat(
        rows=[_row(place, day, hours, shares) for place, day in enumerate(days)],
        hours=[(f"{_x(place + 0.5, hours):.2f}%", f"{hour:02}") for place, hour in enumerate(hours)],
        low=round(100 * min(shares.values())),
        high=round(100 * max(shares.values())),
        height=ROW * len(days) + 20,
        title=_title(shares),
    )


def _by_hour(halves: Mapping[datetime, tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """(answered, reached) by (weekday, hour) of the display zone."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    zone = display_zone()
    for at, (answered, reached) in halves.items():
        local = at.astimezone(zone)
        before = found.get((local.weekday(), local.hour), (0, 0))
        found[local.weekday(), local.hour] = (before[0] + answered, before[1] + reached)
    return found


def _row(place: int, day: int, hours: range, shares: Mapping[tuple[int, int], float]) -> Row:
    low, high = min(shares.values()), max(shares.values())
    step = (100 - NAMES_TAKE) / len(hours)
    cells = []
    for column, hour in enumerate(hours):
        share = shares.get((day, hour))
        shade = 0 if share is None else min(SHADES - 1, int(SHADES * (share - low) / max(high - low, 0.01)))
        told = None if share is None else round(100 * share)
        x, middle = f"{_x(column, hours):.2f}%", f"{_x(column + 0.5, hours):.2f}%"
        cells.append(Cell(told, shade, x, middle, f"{step:.2f}%"))
    return Row(DAYS[day], place * ROW, place * ROW + 16, cells)


def _x(column: float, hours: range) -> float:
    return NAMES_TAKE + column * (100 - NAMES_TAKE) / len(hours)


def _title(shares: Mapping[tuple[int, int], float]) -> str:
    best, worst = max(shares, key=lambda place: shares[place]), min(shares, key=lambda place: shares[place])
    said = [f"{DAYS[day]} at {hour:02}:00 with {round(100 * shares[day, hour])} %" for day, hour in (best, worst)]
    return f"Share of calls answered by weekday and hour, last 28 days. Highest {said[0]}, lowest {said[1]}."
