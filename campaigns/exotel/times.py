"""Exotel's timestamps: `YYYY-MM-DD HH:MM:SS` without a zone, in the account's zone (India's for both clusters seen).

An EndTime that was never set is printed as the epoch in India, 1970-01-01 05:30:00. Passthru prints
`Tue, 07 Jan 2025 15:51:06`, the newer APIs RFC 3339 with an offset.
"""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

INDIA_TIME = ZoneInfo("Asia/Kolkata")
_UNSET_YEARS = 1971  # before this, the stamp says "never"
_WORDED = "%a, %d %b %Y %H:%M:%S"


def read_time(text: str | None, zone: tzinfo = INDIA_TIME) -> datetime | None:
    """The stamp as an aware UTC datetime, or None for an unset or unreadable one."""
    moment = _parse((text or "").strip()[:40])
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        in_utc = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return in_utc if in_utc.year >= _UNSET_YEARS else None


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, _WORDED)  # noqa: DTZ007  the zone is the account's, added by the caller
    except ValueError:
        return None


def spell_time(moment: datetime, zone: tzinfo = INDIA_TIME) -> str:
    """An aware datetime as the list filters want it; the form with a T is refused (exotel-wire 5)."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
