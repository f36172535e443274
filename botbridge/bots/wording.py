"""Messages made from a contact's columns, and the key map an operator writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

KINDS: Final = ("goal", "progress", "objection", "stop", "none")
KEY_NAMES: Final = {"*": "star", "#": "hash"}

_PLACE = re.compile(r"\{([^{}]*)\}")
_KEY_LINE = re.compile(r"([0-9*#])\s*=\s*([^:()]+?)\s*(?:\(\s*(\w+)\s*\)\s*)?(?::\s*(.+))?")


def fill(template: str, variables: Mapping[str, str]) -> str:
    """The template with {column} replaced, in any letter case; a missing value becomes nothing.

    A name is only ever looked up, never evaluated: {x.y} is the column called “x.y”.
    """
    plain = {_name(name): value for name, value in variables.items()}
    return " ".join(_PLACE.sub(lambda place: plain.get(_name(place[1]), ""), template).split())


def unknown_columns(template: str, columns: Collection[str]) -> list[str]:
    """The {names} in a template that are no column, each once, as they are written."""
    known = {_name(column) for column in columns}
    return [name for name in dict.fromkeys(_PLACE.findall(template)) if _name(name) not in known]


def _name(written: str) -> str:
    return " ".join(written.split()).casefold()


@dataclass(frozen=True)
class KeyChoice:
    """What one key of the telephone means. `disposition` is its name in reports, `label` its words."""

    digit: str
    disposition: str
    kind: str
    label: str


def key_choices(lines: str) -> tuple[dict[str, KeyChoice], list[str]]:
    """Read a key map; returns the choices by digit, and what is wrong with it.

    One line a key: `1 = confirmed (goal): Promised to pay`. The words in brackets and after the colon may be left out;
    a kind may stand for the name: `9 = stop: Do not call again`. Kinds: goal, progress, objection, stop, none.
    """
    choices: dict[str, KeyChoice] = {}
    problems: list[str] = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        match = _KEY_LINE.fullmatch(line)
        if not match:
            problems.append(f"“{line}” is not a key: write it as “1 = confirmed: Promised to pay”.")
        elif match[3] and match[3].lower() not in KINDS:
            problems.append(f"“{match[3]}” in “{line}” is none of {', '.join(KINDS)}.")
        elif match[1] in choices:
            problems.append(f"Key {match[1]} has two meanings.")
        else:
            choices[match[1]] = _choice(*match.groups())
    return choices, problems


def _choice(digit: str, name: str, kind: str | None, label: str | None) -> KeyChoice:
    disposition = re.sub(r"\W+", "_", name.casefold()).strip("_") or "key"
    # A named result without a kind is what the call was made for; the report can still tell the names apart.
    meaning = (kind or (disposition if disposition in KINDS else "goal")).lower()
    return KeyChoice(digit, disposition, meaning, label or name.capitalize())


def spoken_key(digit: str) -> str:
    """A key as it is said."""
    return KEY_NAMES.get(digit, digit)
