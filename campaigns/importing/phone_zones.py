"""Which clock a phone number lives by, from the library's table of prefixes."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import PhoneNumber, timezone

from campaigns.calling_hours import AND

_RENAMED_ZONES = {  # the library keeps names that a system's zone data may lack
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
}


def zone_of_region(region: str, beside: str) -> str:
    """The zone of a country with one clock if that shows another time than the zone `beside`, else ''."""
    own = zone_of_code(phonenumbers.country_code_for_region(region))
    if not own or AND in own or (beside in known_zones() and _clock(own) == _clock(beside)):
        return ""
    return own


def has_one_clock(code: int) -> bool:
    """Whether the countries of this prefix share a clock."""
    return AND not in zone_of_code(code)


@cache
def zone_of_code(code: int) -> str:
    """The zone of a country's prefix, as `span` gives it."""
    return span(timezone.time_zones_for_geographical_number(PhoneNumber(code, 0)))


@cache
def span(names: tuple[str, ...]) -> str:
    """One zone if all their clocks agree, else the westernmost and the easternmost; '' for none that is known."""
    known = {_RENAMED_ZONES.get(name, name) for name in names} & known_zones()
    clocks = sorted((_clock(name), name) for name in known)
    if not clocks:
        return ""
    (west, western), (east, eastern) = clocks[0], clocks[-1]
    return eastern if west == east else f"{western}{AND}{eastern}"


@cache
def known_zones() -> frozenset[str]:
    """The names of all zones; looked for on the disk once, which takes 50 ms."""
    return frozenset(available_timezones())


def _clock(name: str) -> tuple[timedelta, ...]:
    """What a zone's clock shows beside UTC, in January and in July."""
    year = datetime.now(UTC).year
    offsets = (datetime(year, month, 15, tzinfo=ZoneInfo(name)).utcoffset() for month in (1, 7))
    return tuple(offset or timedelta() for offset in offsets)
