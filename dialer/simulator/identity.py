"""Names of things on the wire: sids, telephone numbers, timestamps (fact sheet, section 0)."""

import hashlib
import random
import re
from datetime import UTC, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30))
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STAMP = "%Y-%m-%d %H:%M:%S"


def sid(name: str, at: float) -> str:
    """32 characters: 28 hex from `name`, then the IST date as year-2000 in hex, month and day in base 36."""
    day = datetime.fromtimestamp(at, IST)
    tail = f"{day.year - 2000:02x}{BASE36[day.month]}{BASE36[day.day]}"
    return hashlib.sha256(name.encode()).hexdigest()[:28] + tail


def guide_sid(prefix: str, name: str) -> str:
    """A sid as the vendor's guide prints it: two letters and 24 characters."""
    return prefix + hashlib.sha256(name.encode()).hexdigest()[:24]


def leg_sid(name: str) -> str:
    """A KSUID-like word of 27 characters and five zeros."""
    chance = random.Random(f"leg:{name}")
    return "3" + "".join(chance.choices(BASE62, k=26)) + "00000"


def national(number: str) -> str | None:
    """The 0-prefixed national form Exotel echoes (`09000000001`), 00-prefixed abroad, None if no number."""
    bare = re.sub(r"[\s()-]", "", number)
    indian = re.fullmatch(r"(?:\+?91|0)?([1-9]\d{9})", bare)
    if indian:
        return "0" + indian.group(1)
    abroad = re.fullmatch(r"\+([1-9]\d{6,14})", bare)
    return "00" + abroad.group(1) if abroad and not bare.startswith("+91") else None


def international(number: str) -> str:
    """The E.164 form of a number in Exotel's spelling, as the vendor's guide prints it."""
    return "+" + number[2:] if number.startswith("00") else "+91" + number[1:]


def stamp(at: float | None) -> str | None:
    """`YYYY-MM-DD HH:MM:SS` in IST without a zone, as v1 prints it; None stays None."""
    return None if at is None else datetime.fromtimestamp(at, IST).strftime(STAMP)


def read_stamp(text: str) -> float:
    """The epoch of an IST stamp. ValueError on anything else, the ISO `T` included."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text):
        raise ValueError(text)
    return datetime.strptime(text, STAMP).replace(tzinfo=IST).astimezone(UTC).timestamp()
