"""The README names what is there, and all of it."""

import re

from dialer import env
from dialer.simulator.fates import TABLE

README = (env.ROOT / "README.md").read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (env.ROOT / link).exists()] == []


def test_every_file_of_the_map_is_where_it_says() -> None:
    folder, missing = "", []
    for line in README.partition("## A map of the code")[2].splitlines():
        indented = re.match(r"( {4}| {6})((?:[\w.]+/? ?)+?) {2,}", line)
        if not indented:
            continue
        for name in indented.group(2).split():
            if len(indented.group(1)) == 4:
                folder = name if name.endswith("/") else ""
            place = env.ROOT / (name if len(indented.group(1)) == 4 else folder + name)
            missing += [] if place.exists() else [str(place)]
    assert missing == []


def test_the_table_of_numbers_has_every_fate() -> None:
    table = README.partition("## Numbers with known fates")[2].partition("## ")[0]
    cells = [cell for row in re.findall(r"^\| (.+) \|$", table, re.MULTILINE) for cell in row.split(" | ")[::2]]
    assert {code for cell in cells for code in codes(cell)} == {*TABLE}


def codes(cell: str) -> set[str]:
    """The fates of a cell: `10`, `13, 14` or `60 to 64`."""
    first, _, last = cell.partition(" to ")
    if last:
        return {str(code) for code in range(int(first), int(last) + 1)}
    return {*re.findall(r"\b\d\d\b", cell)}
