"""Rows as CSV text that a spreadsheet opens without running anything in it (OWASP, "CSV Injection")."""

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it Excel reads UTF-8 as Western text
_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full width
_BLANKS = ("\t", "\r", "\n")


def safe_cell(cell: object) -> str:
    """The cell's text; one that begins like a formula gets an apostrophe, which the importer takes off again."""
    text = str(cell)
    return f"'{text}" if text.startswith(_BLANKS) or text.lstrip().startswith(_FORMULAS) else text


def written(rows: Iterable[Sequence[object]]) -> str:
    """The rows as lines of CSV, every cell safe."""
    lines = io.StringIO()
    csv.writer(lines).writerows([safe_cell(cell) for cell in row] for row in rows)
    return lines.getvalue()
