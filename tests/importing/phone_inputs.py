"""Cells that may hold a number of a region, by a seed: valid, nearly valid and anything, as people write them."""

import random
from collections.abc import Iterator
from functools import cache

from phonenumbers import PhoneMetadata

REQUIRED = ("IN", "SG", "ID", "MY", "PH", "AE", "US", "GB")
_DESCS = (
    "mobile", "mobile", "mobile", "mobile", "fixed_line", "fixed_line", "general_desc", "premium_rate", "toll_free",
    "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
)  # fmt: skip
_BETWEEN = (" ", " ", " ", "-", "-", "(", ")", ".", "\t", "  ", " - ", "+", "/")
_AROUND = ("", "", "", "", "", " ", "\t", "(", "'", '"', "=", "\n", "-")


def cells(region: str, seed: int) -> Iterator[str]:
    """Without end; the same for the same region and seed."""
    chance = random.Random(f"{region} {seed}")
    while True:
        yield _cell(region, chance)


def _cell(region: str, chance: random.Random) -> str:
    if chance.random() < 0.03:
        return _punctuated("".join(chance.choices("0123456789", k=chance.randrange(1, 21))), chance)
    home = region if chance.random() < 0.95 else chance.choice(REQUIRED)
    found = metadata(home)
    number = _number(found, chance)
    if chance.random() < 0.25:
        number = _damaged(number, chance)
    text = chance.choice(_prefixes(found)) + number
    return text if chance.random() < 0.4 else _punctuated(text, chance)


def metadata(region: str) -> PhoneMetadata:
    """What the library knows about a region."""
    found = PhoneMetadata.metadata_for_region(region, None)
    assert found is not None
    return found


def mobile(region: str, chance: random.Random) -> str:
    """A mobile number of the region, as it is written within the country without any prefix."""
    desc = metadata(region).mobile
    assert desc is not None
    return sample(desc.national_number_pattern or "", chance)


def _number(found: PhoneMetadata, chance: random.Random) -> str:
    while True:
        desc = getattr(found, chance.choice(_DESCS))
        if desc and desc.national_number_pattern:
            return sample(desc.national_number_pattern, chance)


def _prefixes(found: PhoneMetadata) -> list[str]:
    code, trunk = str(found.country_code), found.national_prefix or "0"
    return [
        *("", "", "", f"+{code}", f"+{code}", f"00{code}", code, code, trunk, trunk, "0"),
        *(f"+{code}{trunk}", f"0{code}", f"+00{code}", f"+{code}{code}", "+", "00", "011" + code, "001" + code),
    ]


def _damaged(number: str, chance: random.Random) -> str:
    at = chance.randrange(len(number))
    digit = chance.choice("0123456789")
    changed = number[:at] + digit + number[at + 1 :]
    return chance.choice([changed, number[:at] + digit + number[at:], number[:at] + number[at + 1 :], number + digit])


def _punctuated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(_BETWEEN) + text[at:]
    return chance.choice(_AROUND) + text + chance.choice(_AROUND)


def sample(pattern: str, chance: random.Random) -> str:
    r"""Digits that match a pattern of the metadata, whose grammar is digits, \d, [2-7], (?:a|b), ?, {3} and {3,5}."""
    return _written(_tree(pattern), chance)


# One of a choice; each is a sequence of what may come how often: digits to choose from, or a choice again.
Tree = list[list[tuple["str | Tree", int, int]]]


def _written(tree: Tree, chance: random.Random) -> str:
    text = ""
    for one, least, most in chance.choice(tree):
        for _ in range(least if least == most else chance.randint(least, most)):
            text += chance.choice(one) if isinstance(one, str) else _written(one, chance)
    return text


@cache
def _tree(pattern: str) -> Tree:
    tree, rest = _choice(pattern)
    assert not rest, f"{rest!r} of {pattern!r} was not understood"
    return tree


def _choice(pattern: str) -> tuple[Tree, str]:
    tree: Tree = []
    while True:
        sequence = []
        while pattern and pattern[0] not in "|)":
            one, rest = _atom(pattern)
            least, most, pattern = _times(rest)
            sequence.append((one, least, most))
        tree.append(sequence)
        if not pattern.startswith("|"):
            return tree, pattern
        pattern = pattern[1:]


def _atom(pattern: str) -> tuple["str | Tree", str]:
    if pattern.startswith("(?:"):
        tree, rest = _choice(pattern[3:])
        return tree, rest.removeprefix(")")
    if pattern.startswith(r"\d"):
        return "0123456789", pattern[2:]
    if pattern.startswith("["):
        inside, _, rest = pattern[1:].partition("]")
        return _members(inside), rest
    return pattern[0], pattern[1:]


def _members(inside: str) -> str:
    members = ""
    while inside:
        if inside[1:2] == "-":
            members += "".join(map(str, range(int(inside[0]), int(inside[2]) + 1)))
            inside = inside[3:]
        else:
            members, inside = members + inside[0], inside[1:]
    return members


def _times(pattern: str) -> tuple[int, int, str]:
    if pattern.startswith("?"):
        return 0, 1, pattern[1:]
    if not pattern.startswith("{"):
        return 1, 1, pattern
    inside, _, rest = pattern[1:].partition("}")
    least, _, most = inside.partition(",")
    return int(least), int(most or least), rest
