"""What the columns of a list hold: text, numbers or dates; whether a cell is one, and what it comes to. Pure.

Cells are stored as they were written, because a bot says them. Whoever compares them reads a number plainly
("₹ 1,04,500.50" -> "104500.50") and a date as year, month, day ("25/11/26" -> "2026-11-25"). Both are idempotent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from campaigns.importing import headings

TEXT, NUMBER, DATE = "text", "number", "date"
KINDS = {TEXT: "Text", NUMBER: "Number", DATE: "Date"}
MONTH_FIRST = frozenset({"US", "PH"})  # countries that write 11/25/2026
LONGEST = 40  # characters of a number or date: longer text is neither, and is not looked at
LATEST_SHORT_YEAR = 68  # 69 to 99 are of the last century, as in POSIX: https://docs.python.org/3/library/time.html
SURE = 0.9  # share of the sampled cells that must be of a kind before it is guessed

_NUMBER = re.compile(
    r"(?P<minus>[-\u2212]?)\s*(?:₹|rs\.?|inr|[$€£])?\s*"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}|[0-9]+)(?P<part>\.[0-9]+)?\s*(?:/-)?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MIDNIGHT = r"(?:[ T]00:00(?::00(?:\.0+)?)?)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_MIDNIGHT}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})[-/. ]([0-9]{{1,2}})[-/. ]([0-9]{{4}}|[0-9]{{2}}){_MIDNIGHT}")
_NAMED_MONTH = re.compile(r"([0-9]{1,2})[-/. ]?([a-z]{3})[a-z]*[-/., ]*([0-9]{4}|[0-9]{2})", re.IGNORECASE)

Reading = Callable[[str], str | None]


def number(text: str) -> str | None:
    """The number in a cell, plainly; None if it is none."""
    if len(text) > LONGEST:
        return None
    if text.isdecimal() and text.isascii() and text[0] != "0":
        return text
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    whole = found["whole"].replace(",", "").lstrip("0") or "0"
    return f"{'-' if found['minus'] else ''}{whole}{found['part'] or ''}"


def day_first(text: str) -> str | None:
    """The date in a cell as year, month, day, where 3/4 is the third of April; None if it is none."""
    return _date(text, month_first=False) if len(text) <= LONGEST else None


def month_first(text: str) -> str | None:
    """The same where 3/4 is the fourth of March."""
    return _date(text, month_first=True) if len(text) <= LONGEST else None


@lru_cache(1 << 16)
def _date(text: str, *, month_first: bool) -> str | None:
    text = " ".join(text.split())
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[2], found[3])
    if found := _YEAR_LAST.fullmatch(text):
        return _day(found[3], found[1], found[2]) if month_first else _day(found[3], found[2], found[1])
    found = _NAMED_MONTH.fullmatch(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    return _day(found[3], str(_MONTHS.index(found[2].lower()) + 1), found[1])


def _day(year: str, month: str, day: str) -> str | None:
    short = len(year) == 2
    century = 0 if not short else 2000 if int(year) <= LATEST_SHORT_YEAR else 1900
    try:
        return date(century + int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def reading(kind: str, region: str) -> Reading | None:
    """What reads a cell of a column of this kind in a list of this country; None for text."""
    readings: dict[str, Reading] = {NUMBER: number, DATE: month_first if region in MONTH_FIRST else day_first}
    return readings.get(kind)


def guess(heading: str, cells: Sequence[str], region: str) -> str:
    """The kind of a column by its sampled cells. Numbers that name something (accounts, PIN codes) stay text."""
    filled = [cell for cell in (each.strip() for each in cells) if cell]
    if not filled:
        return TEXT
    if _share(filled, reading(DATE, region)) >= SURE:
        return DATE
    names_something = headings.says(heading, headings.NUMBERS_OF_OTHER_THINGS) and not headings.says(
        heading, ("amount", "amt", "emi", "राशि")
    )
    if names_something or any(len(cell) > 1 and cell[0] == "0" and cell[1] != "." for cell in filled):
        return TEXT
    return NUMBER if _share(filled, number) >= SURE and max(map(len, filled)) <= 15 else TEXT


def _share(cells: Sequence[str], read: Reading | None) -> float:
    return sum(read is not None and read(cell) is not None for cell in cells) / len(cells)


WRONG: Mapping[str, str] = {NUMBER: "is no number", DATE: "is no date"}
