"""docs/guide as data: the tests do what it says, with its own words and numbers."""

import re
from pathlib import Path

from dialer import env

FOLDER = env.ROOT / "docs" / "guide"


def text(name: str) -> str:
    """One page of the guide; lines that were only wrapped are joined."""
    return (FOLDER / name).read_text(encoding="utf-8")


def block(page: str, first: str) -> str:
    """The indented block that begins with a line."""
    lines = page[page.index(f"    {first}") :].splitlines()
    end = next((place for place, line in enumerate(lines) if not line.startswith("    ")), len(lines))
    return "\n".join(line[4:] for line in lines[:end]) + "\n"


def quoted(page: str, after: str) -> list[str]:
    """What stands in backquotes behind some words, to the end of that item."""
    item = re.split(r"\n(?:- |\n)", page[page.index(after) :])[0]
    return [re.sub(r"\s+", " ", found) for found in re.findall(r"`([^`]+)`", item)]


def table(page: str, first: str) -> list[dict[str, str]]:
    """The rows of the table whose first heading is `first`."""
    lines = page[page.index(f"| {first} |") :].split("\n\n", maxsplit=1)[0].splitlines()
    names, _, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    return [dict(zip(names, row, strict=True)) for row in rows]


def pages() -> list[Path]:
    return sorted(FOLDER.glob("*.md"))
