"""Exotel prints numbers with a leading 0 and without the country (0 98…, 080 4…), whatever it was sent."""

import re

INDIA = "91"
NATIONAL_DIGITS = 10
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_e164(number: str) -> bool:
    """Whether `number` is written +country number, 7 to 15 digits, nothing else."""
    return _E164.fullmatch(number) is not None


def canonical(number: str) -> str:
    """`number` as + and 7 to 15 digits; without a country it is read as an Indian one; "" if it is no number.

    Reads +9198…, 9198…, 009198…, 098… and 98… as the same number.
    """
    full = f"+{_with_country(number.strip())}" if number.isascii() else ""
    return full if is_e164(full) else ""


def _with_country(number: str) -> str:
    digits = re.sub(r"[^0-9]", "", number)
    if number.startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if digits.startswith("0"):
        return INDIA + digits[1:]
    return INDIA + digits if len(digits) == NATIONAL_DIGITS else digits


def same_number(a: str, b: str) -> bool:
    """Whether the two spellings name one number; an empty or unreadable one is the same as nothing."""
    first = canonical(a)
    return first != "" and first == canonical(b)


def alike(a: str, b: str) -> bool:
    """Whether the two end in the same seven digits: they may be one number in spellings that we read as two."""
    first, second = (re.sub(r"[^0-9]", "", number)[-7:] for number in (a, b))
    return len(first) == 7 and first == second


def national(number: str) -> str:
    """An Indian number as Exotel prints it, 0 and ten digits; any other as + and digits."""
    full = canonical(number)
    if full.startswith(f"+{INDIA}") and len(full) == len(INDIA) + 1 + NATIONAL_DIGITS:
        return f"0{full.removeprefix('+' + INDIA)}"
    return full


def spell_exophone(number: str) -> str:
    """An ExoPhone as the caller ID parameter wants it: 0, STD code, number (exotel-wire 0)."""
    return national(number) or number
