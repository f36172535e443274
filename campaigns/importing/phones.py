"""One cell of a list to one number in E.164, or a reason in words. `phonenumbers` is the judge.

`normalise` is idempotent: its result, given again, comes back unchanged.
"""

import re
import unicodedata
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, shortnumberinfo, timezone

from campaigns.importing import fast_phones, phone_zones
from campaigns.importing.fast_phones import SPACES, prefix_note
from campaigns.importing.phone_results import Code, Kind, Phone, Rejected
from campaigns.importing.phone_zones import zone_of_region

__all__ = ["Code", "Kind", "Phone", "Rejected", "judge", "mobiles_only", "normalise", "zone_of_region"]

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

LONGEST = 120  # characters; a number with its label, brackets and extension has some 40

EMPTY = Rejected("No number in the cell", Code.EMPTY)
LONG_TEXT = Rejected("A long text, not a number", Code.LONG_TEXT)
SCIENTIFIC = Rejected(
    "Excel shortened the number and lost digits (9.19877E+11): format the column as text in Excel and export it again",
    Code.SCIENTIFIC,
)
TWO_NUMBERS = Rejected("Two numbers in one cell: give each a row of its own", Code.TWO_NUMBERS)
LETTERS = Rejected("Letters in the number", Code.LETTERS)
PREMIUM = Rejected("Premium-rate number: never dialled", Code.PREMIUM)
SHORT_CODE = Rejected("Short code, not a person's number", Code.SHORT_CODE)
DAMAGED = Rejected("Damaged characters in the number", Code.DAMAGED)
NO_SUCH_COUNTRY = Rejected("No country has this prefix", Code.NO_SUCH_COUNTRY)

TEXT_MARK = "Excel text mark"
DECIMALS = "decimal zeros"
OTHER_FIGURES = "figures of another script"
INVISIBLE = "invisible characters"
LABEL = "label left out"
EXTENSION = "extension left out"

_KINDS = {
    PhoneNumberType.MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE: Kind.LANDLINE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Kind.EITHER,
    PhoneNumberType.TOLL_FREE: Kind.TOLL_FREE,
    PhoneNumberType.SHARED_COST: Kind.SHARED_COST,
    PhoneNumberType.VOIP: Kind.VOIP,
    PhoneNumberType.PERSONAL_NUMBER: Kind.PERSONAL,
    PhoneNumberType.PAGER: Kind.PAGER,
    PhoneNumberType.UAN: Kind.COMPANY,
    PhoneNumberType.VOICEMAIL: Kind.VOICEMAIL,
}
_EMERGENCY_EVERYWHERE = frozenset({"112", "911", "999"})
_PLACEHOLDERS = frozenset({"na", "n/a", "#n/a", "nil", "null", "none", "nan", "-", "--", ".", "0", "?", "x"})
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\uff0d", "-") | {"\xa0": " "})
_NO_DIGIT = re.compile(r"[^0-9]+")
_AS_WRITTEN = re.compile(r"\+?[0-9]+")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?\s*[eE]\s*[+-]?[0-9]+")
_EXTENSION = re.compile(r"(?<=[0-9)\s])[\s,;]*(?:extension|extn|ext|x|#)[\s.:=#]*([0-9]{1,7})\s*$", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:tel|mob|mobile|phone|ph|cell|whatsapp)\s*(?:no|number)?\s*[:.]\s*", re.IGNORECASE)
_DECIMALS = re.compile(r"(?<=[0-9]{7})\.0+$")
_BETWEEN_WORDS = re.compile(r"\s+|(?<=[0-9])-(?=[0-9])")
_BETWEEN_NUMBERS = re.compile(r"[/,;|&\n\r]|(?<=[0-9])\s*(?=\+)|\s(?:or|and|या)\s", re.IGNORECASE)


def normalise(text: str, region: str) -> Phone | Rejected:
    """The number in a cell of a list of `region` (ISO 3166), or why there is none."""
    return fast_phones.read(text, region) or (_judged if len(text) <= fast_phones.LONGEST else judge)(text, region)


def judge(text: str, region: str) -> Phone | Rejected:
    """`normalise` without its fast path; about 20 times slower."""
    if len(text.strip()) > LONGEST:  # the patterns below take a time that grows with the square of a run of blanks
        return LONG_TEXT
    cleaned = _clean(text)
    refused = _refuse_by_look(cleaned)
    if refused:
        return refused
    extension = _EXTENSION.search(cleaned)
    number = cleaned[: extension.start()] if extension else cleaned
    if any(char.isalpha() for char in number):
        return LETTERS
    return _ask_library(_dialable(number), region, text)


_judged = lru_cache(1 << 12)(judge)  # a list that says "not given" says it often


def mobiles_only(found: Phone | Rejected) -> Phone | Rejected:
    """What `normalise` found, for a list that takes mobiles only; where a plan cannot tell, the number is taken."""
    if isinstance(found, Rejected) or found.kind in (Kind.MOBILE, Kind.EITHER):
        return found
    article = "An" if found.kind[0] in "aeiou" else "A"
    return Rejected(f"{article} {found.kind} number, and this list takes mobiles only", Code.NOT_MOBILE)


def region_name(region: str) -> str:
    """The country's name where we know it, else its code."""
    return REGIONS.get(region, region)


def is_region(region: str) -> bool:
    """Whether numbers of this country (ISO 3166, upper case) can be read."""
    return region in phonenumbers.SUPPORTED_REGIONS


def _plain(text: str) -> str:
    """ASCII figures, dashes and blanks for those of other scripts; without marks that nobody sees."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text.translate(_DASHES))
    visible = (char for char in plain if unicodedata.category(char) != "Cf")
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in visible)


def _clean(text: str) -> str:
    """ASCII digits and signs; without what Excel, copy and paste or pandas put around a number."""
    return _DECIMALS.sub("", _LABEL.sub("", _unquoted(_plain(text))))


def _unquoted(text: str) -> str:
    return text.strip().removeprefix("=").strip("\"'`\u2018\u2019\u201c\u201d \t\r\n")


def _refuse_by_look(text: str) -> Rejected | None:
    if text.lower() in _PLACEHOLDERS or not text:
        return EMPTY
    if _SCIENTIFIC.fullmatch(text):
        return SCIENTIFIC
    if "\ufffd" in text:
        return DAMAGED
    return TWO_NUMBERS if _holds_two(text) else None


def _holds_two(text: str) -> bool:
    """'98…10 / 98…11', '98…10/11', '98…10 98…11', '98…10-98…11'; but not '9,876,543,210'."""
    parts = [_digits(part) for part in _BETWEEN_NUMBERS.split(text)]
    if sum(len(part) >= 7 for part in parts) > 1:
        return True
    if "/" in text and len(parts[0]) >= 10 and 1 <= len(parts[1]) <= 4:
        return True
    return sum(len(_digits(part)) >= 10 for part in _BETWEEN_WORDS.split(text)) > 1


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text)


def _dialable(text: str) -> str:
    """Digits, with a plus in front if one was written or meant by 00."""
    digits = _digits(text)
    if "+" in text.partition(digits[:1] or "+")[0] or text.startswith("+"):
        return "+" + digits.removeprefix("00")
    return "+" + digits[2:] if digits.startswith("00") else digits


def _ask_library(number: str, region: str, text: str) -> Phone | Rejected:
    refused = _refuse_short(number, region)
    if refused:
        return refused
    try:
        parsed = _parse(number, region)
    except phonenumbers.NumberParseException as error:
        return _unreadable(error, number, region)
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:
        return _invalid(parsed, number, region)
    if kind == PhoneNumberType.PREMIUM_RATE:
        return PREMIUM
    significant = phonenumbers.national_significant_number(parsed)
    e164 = f"+{parsed.country_code}{significant}"
    return Phone(e164, _zone(parsed, region), _note(text, significant, region), _KINDS[kind])


def _parse(number: str, region: str) -> PhoneNumber:
    """As the library reads it; where that is no valid number, without a 0 before the country's prefix (091 98…)."""
    parsed = phonenumbers.parse(number, region)
    prefix = f"0{phonenumbers.country_code_for_region(region)}"
    if number.removeprefix("+").startswith(prefix) and not phonenumbers.is_valid_number(parsed):
        return phonenumbers.parse("+" + number.removeprefix("+")[1:], region)
    return parsed


def _refuse_short(number: str, region: str) -> Rejected | None:
    """Emergency numbers and short codes, also with the country's prefix before them."""
    digits = number.removeprefix("+")
    prefix = str(phonenumbers.country_code_for_region(region))
    for short in (digits, digits.removeprefix(prefix), digits.removeprefix("0")):
        if 2 <= len(short) <= 6:
            if short in _EMERGENCY_EVERYWHERE or shortnumberinfo.is_emergency_number(short, region):
                return Rejected(f"{short} is an emergency number: never dialled", Code.EMERGENCY)
            if _is_short_code(short, region):
                return SHORT_CODE
    return None if digits else EMPTY


def _is_short_code(digits: str, region: str) -> bool:
    as_number = PhoneNumber(country_code=phonenumbers.country_code_for_region(region), national_number=int(digits))
    return not digits.startswith("0") and bool(shortnumberinfo.is_valid_short_number_for_region(as_number, region))


def _unreadable(error: phonenumbers.NumberParseException, number: str, region: str) -> Rejected:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
        return NO_SUCH_COUNTRY
    if error.error_type == phonenumbers.NumberParseException.TOO_LONG:
        return TWO_NUMBERS if _are_twins(number, region) else _too_long(len(_digits(number)), region)
    return _too_short(len(_digits(number)), region)


def _invalid(parsed: PhoneNumber, number: str, region: str) -> Rejected:
    country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    length = len(phonenumbers.national_significant_number(parsed))
    usual = _mobile_lengths(country)
    if usual and length < usual[0]:
        return _too_short(length, country)
    if usual and length > usual[-1]:
        return TWO_NUMBERS if _are_twins(number, region) else _too_long(length, country)
    return Rejected(f"No such number in {region_name(country)}", Code.NO_SUCH_NUMBER)


def _are_twins(number: str, region: str) -> bool:
    """Whether both halves of too long a number are numbers: two were written without anything between them."""
    digits = number.removeprefix("+")
    if len(digits) < 16 or len(digits) % 2:
        return False
    middle = len(digits) // 2
    return all(isinstance(normalise(half, region), Phone) for half in (digits[:middle], digits[middle:]))


def _too_short(length: int, region: str) -> Rejected:
    return Rejected(f"Too short: {length} digits; {_expected(region)}", Code.TOO_SHORT)


def _too_long(length: int, region: str) -> Rejected:
    return Rejected(f"Too long: {length} digits; {_expected(region)}", Code.TOO_LONG)


def _expected(region: str) -> str:
    usual = _mobile_lengths(region)
    expected = " to ".join(map(str, sorted({usual[0], usual[-1]}))) if usual else "more"
    return f"a mobile number in {region_name(region)} has {expected}"


@cache
def _mobile_lengths(region: str) -> tuple[int, ...]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    return tuple(sorted(metadata.mobile.possible_length)) if metadata and metadata.mobile else ()


def _zone(parsed: PhoneNumber, region: str) -> str:
    own = phonenumbers.region_code_for_number(parsed) == region
    if own and phone_zones.has_one_clock(parsed.country_code or 0):
        return ""
    return phone_zones.span(timezone.time_zones_for_number(parsed))


def _note(text: str, significant: str, region: str) -> str:
    """What had to be repaired in the cell, in words."""
    unquoted = _unquoted(_plain(text))
    unlabelled = _LABEL.sub("", unquoted)
    whole = _DECIMALS.sub("", unlabelled)
    cleaned = _EXTENSION.sub("", whole)
    found = [
        (TEXT_MARK, text.strip()[:1] in ("'", "=", "\u2019")),
        (LABEL, unlabelled != unquoted),
        (DECIMALS, whole != unlabelled),
        (EXTENSION, cleaned != whole),
        (SPACES, not _AS_WRITTEN.fullmatch(cleaned) or text != text.strip()),
        (_prefix_note(region), "+" not in cleaned and _digits(cleaned) != significant),
    ]
    if not text.isascii():
        found.insert(1, (OTHER_FIGURES, any(char.isdecimal() and not char.isascii() for char in text)))
        found.insert(2, (INVISIBLE, any(unicodedata.category(char) == "Cf" for char in text)))
    return ", ".join(words for words, applies in found if applies)


@cache
def _prefix_note(region: str) -> str:
    return prefix_note(phonenumbers.country_code_for_region(region))
