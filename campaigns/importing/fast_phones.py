"""The common shapes of a number, read by one pattern for each country that is made from the library's own metadata.

A number is taken here only where the rules of `phonenumbers.parse` leave it one reading: +CC N, 00CC N, 0 N, CC N or N
with spaces, dashes and brackets, where N is a landline or mobile of the country and of no other kind. Whatever else
there is, a rejection among it, goes to the library; `python -m tests.importing.compare_phones` holds both together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType
from phonenumbers.phonemetadata import PhoneNumberDesc
from phonenumbers.tzdata import TIMEZONE_DATA

from campaigns.importing import phone_zones
from campaigns.importing.phone_results import Kind, Phone

LONGEST = 40  # characters, brackets and all; below what `judge` calls a long text
SPACES = "spaces and dashes"
FEWEST_DIGITS = 7  # of N: with fewer it could be an emergency number or a short code
Found = tuple[str, str, str, Kind]  # what a Phone is made of
_OTHER_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


@dataclass(frozen=True, slots=True)
class Plan:
    """A country's numbering plan. `written` matches the digits (and plus) of a cell in one of the shapes; its groups
    are a CC without a plus, N as a mobile, N as a landline. `general` is what the library would rather take as N than
    cut a CC off. `zone` is where N lives, given E.164. `notes` are the repairs: [punctuated][prefix without a plus]."""

    prefix: str
    written: re.Pattern[str]
    general: re.Pattern[str]
    landline: re.Pattern[str]
    zone: Callable[[str, Kind], str] | None
    notes: tuple[tuple[str, str], tuple[str, str]]


def prefix_note(code: int) -> str:
    """That a prefix was taken off, in words: of the country, or the 0 before an area."""
    return f"leading 0 or {code}"


def read(text: str, region: str) -> Phone | None:
    """The number in a cell if it is written in one of the common shapes; None: ask the library."""
    found = reader(region)(text)
    return Phone._make(found) if found else None


@cache
def reader(region: str, *, kinds: bool = True) -> Callable[[str], Found | None]:
    """What reads a cell of a list of this country as `read` does, into the parts of a Phone. Without `kinds` the kind
    of a number is not looked for: each is EITHER."""
    plan = plan_of(region)
    if plan is None:
        return lambda text: None
    written, general, landline = plan.written.fullmatch, plan.general.fullmatch, plan.landline.fullmatch
    prefix, zone_of, notes, kinds = plan.prefix, plan.zone, plan.notes, kinds or plan.zone is not None

    def read_cell(text: str) -> Found | None:
        bare, found = text, written(text)
        if found is None:  # five replacements cost half of one str.translate
            if len(text) > LONGEST:
                return None
            bare = text.replace(" ", "").replace("-", "").replace("(", "").replace(")", "").replace("\t", "")
            found = written(bare) if len(bare) != len(text) else None
            if found is None:
                return None
        number: str = found[found.lastindex or 0]
        unmarked = len(number) != len(bare) and bare[0] != "+"
        if unmarked and found[1] is not None and general(bare):
            return None
        kind = Kind.EITHER
        if kinds and (found[2] is None or not landline(number)):
            kind = Kind.MOBILE if found[2] is not None else Kind.LANDLINE
        e164 = prefix + number
        return e164, zone_of(e164, kind) if zone_of else "", notes[bare is not text][unmarked], kind

    return read_cell


@cache
def plan_of(region: str) -> Plan | None:
    """The numbering plan of a region; None where it is not the main country of its prefix, as Canada is not of 1."""
    found = PhoneMetadata.metadata_for_region(region, None)
    if found is None or found.country_code is None or found.leading_digits:
        return None
    general, mobile, landline = found.general_desc, found.mobile, found.fixed_line
    if not (general and mobile and landline):
        return None
    if phonenumbers.region_code_for_country_code(found.country_code) != region:
        return None
    note = prefix_note(found.country_code)
    numbers = f"(?={_whole(general)}\\Z){_not_otherwise(found, general)}(?:({_whole(mobile)})|({_whole(landline)}))"
    return Plan(
        prefix=f"+{found.country_code}",
        written=re.compile(_prefixes(found) + numbers, re.ASCII),
        general=re.compile(_ungrouped(general.national_number_pattern), re.ASCII),
        landline=re.compile(_whole(landline), re.ASCII),
        zone=_zone_finder(found.country_code),
        notes=(("", note), (SPACES, f"{SPACES}, {note}")),
    )


def _prefixes(found: PhoneMetadata) -> str:
    """What may stand before N. The first group is a country's prefix without plus or 00."""
    abroad = f"(?!{_ungrouped(found.international_prefix)})" if found.international_prefix else ""
    prefixes = [rf"\+{found.country_code}", f"00{found.country_code}", f"{abroad}({found.country_code})"]
    if trunk := _trunk(found):
        prefixes.append(f"{abroad}{trunk}")
    return f"(?:{'|'.join(prefixes)}|{abroad})"


def _trunk(found: PhoneMetadata) -> str:
    """The 0 before an area, where the library does nothing with it but take it off."""
    trunk, code = found.national_prefix or "", str(found.country_code)
    parsing = found.national_prefix_for_parsing or ""
    plain = parsing.split("|")[0] == trunk and "(" not in parsing and not found.national_prefix_transform_rule
    return trunk if plain and not code.startswith(trunk) and not trunk.startswith(code) else ""


def _not_otherwise(found: PhoneMetadata, general: PhoneNumberDesc) -> str:
    """A look ahead: N is of no other kind, has a length of its own, and no prefix would be taken off it."""
    others: list[PhoneNumberDesc | None] = [getattr(found, name) for name in _OTHER_KINDS]
    patterns = [rf"(?:{_ungrouped(each.national_number_pattern)})\Z" for each in others if each]
    local = [rf"\d{{{length}}}\Z" for length in general.possible_length_local_only]
    prefixed = [_ungrouped(found.national_prefix_for_parsing)] if found.national_prefix_for_parsing else []
    short = [rf"\d{{0,{FEWEST_DIGITS - 1}}}\Z", rf"{found.country_code}\d{{0,{FEWEST_DIGITS - 1}}}\Z"]
    return f"(?!{'|'.join(f'(?:{each})' for each in ['0', *prefixed, *short, *local, *patterns])})"


def _whole(desc: PhoneNumberDesc) -> str:
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in desc.possible_length)
    return f"(?={lengths})(?:{_ungrouped(desc.national_number_pattern)})"


def _ungrouped(pattern: str | None) -> str:
    """A pattern without groups that count; one that is not there matches nothing."""
    return r"(?!)" if pattern is None else re.sub(r"\((?!\?)", "(?:", pattern)


def _zone_finder(code: int) -> Callable[[str, Kind], str] | None:
    """Where a number of this prefix lives; None for a country with one clock, whose lists need no zone."""
    if phone_zones.has_one_clock(code):
        return None
    prefixes = [prefix for prefix in TIMEZONE_DATA if prefix.startswith(str(code))]
    lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)
    mobiles_too = phonenumbers.is_number_type_geographical(PhoneNumberType.MOBILE, code)

    def zone(e164: str, kind: Kind) -> str:
        digits = e164[1:] if mobiles_too or kind is not Kind.MOBILE else str(code)
        names = (TIMEZONE_DATA.get(digits[:length]) for length in lengths)
        return phone_zones.span(next(filter(None, names), ()))

    return zone
