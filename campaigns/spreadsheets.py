"""Rows as CSV text that a spreadsheet opens without running anything in it (OWASP, "CSV Injection")."""

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it Excel reads UTF-8 as Western text
_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full width
_BLANKS = ("\t", "\r", "\n")


def safe_cell(cell: object) -> str:
    """The cell's text; one that begins like a formula gets an apostrophe, which the importer takes off again.

    So does one that begins like a formula behind apostrophes of its own: `plain_cell` gives every text back.
    """
    text = str(cell)
    return f"'{text}" if _would_run(text.lstrip("'")) else text


def plain_cell(cell: str) -> str:
    """What `safe_cell` was given; an apostrophe before anything else than a formula stays."""
    return cell[1:] if cell[:1] == "'" and _would_run(cell.lstrip("'")) else cell


def _would_run(text: str) -> bool:
    return text.startswith(_BLANKS) or text.lstrip().startswith(_FORMULAS)


def written(rows: Iterable[Sequence[object]]) -> str:
    """The rows as lines of CSV, every cell safe."""
    lines = io.StringIO()
    csv.writer(lines).writerows([safe_cell(cell) for cell in row] for row in rows)
    return lines.getvalue()
