"""One cell of a list to one number in E.164, or a reason in words. `phonenumbers` is the judge.

`normalise` is idempotent: its result, given again, comes back unchanged.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, shortnumberinfo, timezone

from campaigns.calling_hours import AND

REGIONS = {
    "IN": "India",
    "AE": "United Arab Emirates",
    "AU": "Australia",
    "BD": "Bangladesh",
    "BH": "Bahrain",
    "GB": "United Kingdom",
    "ID": "Indonesia",
    "KW": "Kuwait",
    "LK": "Sri Lanka",
    "MY": "Malaysia",
    "NP": "Nepal",
    "OM": "Oman",
    "PH": "Philippines",
    "QA": "Qatar",
    "SA": "Saudi Arabia",
    "SG": "Singapore",
    "US": "United States",
}

EMPTY = "No number in the cell"
LONGEST = 120  # characters; a number with its label, brackets and extension has some 40
TOO_LONG = "A long text, not a number"
SCIENTIFIC = (
    "Excel shortened the number and lost digits (9.19877E+11): format the column as text in Excel and export it again"
)
TWO_NUMBERS = "Two numbers in one cell: give each a row of its own"
LETTERS = "Letters in the number"
PREMIUM = "Premium-rate number: never dialled"
SHORT_CODE = "Short code, not a person's number"
DAMAGED = "Damaged characters in the number"
NO_SUCH_COUNTRY = "No country has this prefix"

SPACES = "spaces and dashes"
PREFIX = "leading 0 or 91"

_NOTES = {(True, True): f"{SPACES}, {PREFIX}", (True, False): SPACES, (False, True): PREFIX, (False, False): ""}
_RENAMED_ZONES = {  # the library keeps names that a system's zone data may lack
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
}
_EMERGENCY_EVERYWHERE = frozenset({"112", "911", "999"})
_PLACEHOLDERS = frozenset({"na", "n/a", "#n/a", "nil", "null", "none", "nan", "-", "--", ".", "0", "?", "x"})
_PUNCTUATION = str.maketrans("", "", " \t-().")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d", "-") | {"\xa0": " "})
_INDIAN_MOBILE = re.compile(r"(?:\+91|(0091|91|0))?([6-9][0-9]{9})")
_AS_WRITTEN = re.compile(r"\+?[0-9]+")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?\s*[eE]\s*[+-]?[0-9]+")
_EXTENSION = re.compile(r"(?<=[0-9)\s])[\s,;]*(?:extension|extn|ext|x|#)[\s.:=#]*([0-9]{1,7})\s*$", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:tel|mob|mobile|phone|ph|cell|whatsapp)\s*(?:no|number)?\s*[:.]\s*", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(r"[/,;|&\n\r]|\s(?:or|and|या)\s", re.IGNORECASE)


class Phone(NamedTuple):
    """A number that can be dialled. `time_zone` is '' where the campaign's own holds: in the list's own country, if
    that has one clock. Else it is the number's zone, or its westernmost & easternmost if it may be in several. `note`
    says what was repaired ('' when the cell was taken as written)."""

    e164: str
    time_zone: str
    note: str


class Rejected(NamedTuple):
    """A cell that is no number to dial, and why."""

    reason: str


def normalise(text: str, region: str) -> Phone | Rejected:
    """The number in a cell of a list of `region` (ISO 3166), or why there is none."""
    if region == "IN":
        bare = text.translate(_PUNCTUATION)
        if mobile := _INDIAN_MOBILE.fullmatch(bare):
            return Phone("+91" + mobile[2], "", _NOTES[bare != text, mobile[1] is not None])
    return judge(text, region)


def judge(text: str, region: str) -> Phone | Rejected:
    """`normalise` without its shortcut for Indian mobiles; about 20 times slower."""
    if len(text.strip()) > LONGEST:  # the patterns below take a time that grows with the square of a run of blanks
        return Rejected(TOO_LONG)
    cleaned = _clean(text)
    refused = _refuse_by_look(cleaned)
    if refused:
        return Rejected(refused)
    extension = _EXTENSION.search(cleaned)
    number = cleaned[: extension.start()] if extension else cleaned
    if any(char.isalpha() for char in number):
        return Rejected(LETTERS)
    return _ask_library(_dialable(number), region, _note(text))


def region_name(region: str) -> str:
    """The country's name where we know it, else its code."""
    return REGIONS.get(region, region)


def zone_of_region(region: str, beside: str) -> str:
    """The zone of a country with one clock if that shows another time than the zone `beside`, else ''."""
    own = _country(phonenumbers.country_code_for_region(region))
    if not own or AND in own or (beside in _zones() and _clock(own) == _clock(beside)):
        return ""
    return own


def is_region(region: str) -> bool:
    """Whether numbers of this country (ISO 3166, upper case) can be read."""
    return region in phonenumbers.SUPPORTED_REGIONS


def _clean(text: str) -> str:
    """ASCII digits and signs; without what Excel, copy and paste or pandas put around a number."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKC", text.translate(_DASHES))
        visible = (char for char in plain if unicodedata.category(char) != "Cf")
        text = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in visible)
    text = _LABEL.sub("", text.strip().removeprefix("=").strip("\"'`\u2018\u2019\u201c\u201d \t\r\n"))
    return re.sub(r"(?<=[0-9]{7})\.0+$", "", text)


def _refuse_by_look(text: str) -> str:
    if text.lower() in _PLACEHOLDERS or not text:
        return EMPTY
    if _SCIENTIFIC.fullmatch(text):
        return SCIENTIFIC
    if "\ufffd" in text:
        return DAMAGED
    return TWO_NUMBERS if _holds_two(text) else ""


def _holds_two(text: str) -> bool:
    """'98…10 / 98…11', '98…10/11', '98…10 98…11'; but not '9,876,543,210'."""
    parts = [_digits(part) for part in _BETWEEN_NUMBERS.split(text)]
    if sum(len(part) >= 7 for part in parts) > 1:
        return True
    if "/" in text and len(parts[0]) >= 10 and 1 <= len(parts[1]) <= 4:
        return True
    return sum(len(_digits(part)) >= 10 for part in text.split()) > 1


def _digits(text: str) -> str:
    return "".join(char for char in text if "0" <= char <= "9")


def _dialable(text: str) -> str:
    """Digits, with a plus in front if one was written or meant by 00."""
    digits = _digits(text)
    if "+" in text.partition(digits[:1] or "+")[0] or text.startswith("+"):
        return "+" + digits.removeprefix("00")
    return "+" + digits[2:] if digits.startswith("00") else digits


def _ask_library(number: str, region: str, note: str) -> Phone | Rejected:
    refused = _refuse_short(number, region)
    if refused:
        return Rejected(refused)
    try:
        parsed = _parse(number, region)
    except phonenumbers.NumberParseException as error:
        return Rejected(_unreadable(error, number, region))
    if not phonenumbers.is_valid_number(parsed):
        return Rejected(_invalid(parsed))
    if phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE:
        return Rejected(PREMIUM)
    return Phone(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), _zone(parsed, region), note)


def _parse(number: str, region: str) -> PhoneNumber:
    """As the library reads it; where that is no valid number, without a 0 before the country's prefix (091 98…)."""
    parsed = phonenumbers.parse(number, region)
    prefix = f"0{phonenumbers.country_code_for_region(region)}"
    if not phonenumbers.is_valid_number(parsed) and number.removeprefix("+").startswith(prefix):
        return phonenumbers.parse("+" + number.removeprefix("+")[1:], region)
    return parsed


def _refuse_short(number: str, region: str) -> str:
    """Emergency numbers and short codes, also with the country's prefix before them."""
    digits = number.removeprefix("+")
    prefix = str(phonenumbers.country_code_for_region(region))
    for short in {digits, digits.removeprefix(prefix), digits.removeprefix("0")}:
        if 2 <= len(short) <= 6:
            if short in _EMERGENCY_EVERYWHERE or shortnumberinfo.is_emergency_number(short, region):
                return f"{short} is an emergency number: never dialled"
            if _is_short_code(short, region):
                return SHORT_CODE
    return EMPTY if not digits else ""


def _is_short_code(digits: str, region: str) -> bool:
    as_number = PhoneNumber(country_code=phonenumbers.country_code_for_region(region), national_number=int(digits))
    return not digits.startswith("0") and bool(shortnumberinfo.is_valid_short_number_for_region(as_number, region))


def _unreadable(error: phonenumbers.NumberParseException, number: str, region: str) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
        return NO_SUCH_COUNTRY
    if error.error_type == phonenumbers.NumberParseException.TOO_LONG:
        return _too("long", len(_digits(number)), region)
    return _too("short", len(_digits(number)), region)


def _invalid(parsed: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    length = len(phonenumbers.national_significant_number(parsed))
    usual = _mobile_lengths(region)
    if usual and length < usual[0]:
        return _too("short", length, region)
    if usual and length > usual[-1]:
        return _too("long", length, region)
    return f"No such number in {region_name(region)}"


def _too(how: str, length: int, region: str) -> str:
    usual = _mobile_lengths(region)
    expected = " to ".join(map(str, sorted({usual[0], usual[-1]}))) if usual else "more"
    return f"Too {how}: {length} digits; a mobile number in {region_name(region)} has {expected}"


@cache
def _mobile_lengths(region: str) -> tuple[int, ...]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return tuple(sorted(metadata.mobile.possible_length)) if metadata and metadata.mobile else ()


def _zone(parsed: PhoneNumber, region: str) -> str:
    own = phonenumbers.region_code_for_number(parsed) == region
    return "" if own and AND not in _country(parsed.country_code) else _span(timezone.time_zones_for_number(parsed))


@cache
def _country(code: int) -> str:
    return _span(timezone.time_zones_for_geographical_number(PhoneNumber(code, 0)))


@cache
def _span(names: tuple[str, ...]) -> str:
    """One zone if all their clocks agree, else the westernmost and the easternmost; '' for none that is known."""
    known = {_RENAMED_ZONES.get(name, name) for name in names} & _zones()
    clocks = sorted((_clock(name), name) for name in known)
    if not clocks:
        return ""
    (west, western), (east, eastern) = clocks[0], clocks[-1]
    return eastern if west == east else f"{western}{AND}{eastern}"


@cache
def _zones() -> set[str]:
    return available_timezones()


def _clock(name: str) -> tuple[timedelta, ...]:
    """What a zone's clock shows beside UTC, in January and in July."""
    year = datetime.now(UTC).year
    offsets = (datetime(year, month, 15, tzinfo=ZoneInfo(name)).utcoffset() for month in (1, 7))
    return tuple(offset or timedelta() for offset in offsets)


def _note(text: str) -> str:
    """What had to be repaired in the cell, in words."""
    cleaned = _EXTENSION.sub("", _clean(text))
    digits = _digits(cleaned)
    found = (
        ("Excel text mark", text.strip()[:1] in ("'", "=", "\u2019")),
        ("figures of another script", any(char.isdecimal() and not char.isascii() for char in text)),
        ("extension left out", bool(_EXTENSION.search(_clean(text)))),
        (SPACES, not _AS_WRITTEN.fullmatch(cleaned) or text != text.strip()),
        (PREFIX, len(digits) > 10 and digits.startswith(("0", "91")) and "+" not in cleaned),
    )
    return ", ".join(words for words, applies in found if applies)
