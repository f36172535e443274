"""An Excel workbook as the CSV that its owner would have saved from it: `python -m campaigns.importing.sheets`.

A process of its own (see workbooks), which may take so much memory and so much time and knows neither Django nor the
database. A line of the CSV is a row of the sheet. The archive is measured before any part of it is opened; XML is
parsed by defusedxml, which openpyxl uses where it is installed: https://openpyxl.readthedocs.io
"""

import csv
import io
import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell
from openpyxl.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from campaigns.importing import reading
from campaigns.importing.reading import NotACsv
from campaigns.importing.workbooks import TOO_MUCH

MOST_ROWS = 1_048_576  # of a sheet, by Excel
MOST_PARTS = 10_000
LARGEST_SHEET = 512 << 20  # unpacked bytes; streamed
LARGEST_STRINGS = 96 << 20  # unpacked bytes of the texts that cells share; held in memory
LARGEST_OTHER = 16 << 20  # of styles and the like, which become objects
MOST_CELLS = 100_000_000  # with the empty ones, which a sheet may have without end
MOST_WRITTEN = 1 << 30  # bytes of the CSV; a cell can name a shared text of any length, as often as it likes
WORST_RATIO = 400  # unpacked to packed, of a part above SMALL; sheets of one repeated row come to some 100
SMALL = 4 << 20

DAMAGED = "This Excel workbook is damaged. Open it in Excel, save it again, and upload that file."
BOMB = "This Excel workbook unpacks to far more than a list of people needs. Save the sheet as CSV and upload that."
TOO_MANY_ROWS = f"The sheet has rows beyond Excel's own limit of {MOST_ROWS:,}. Save it again in Excel."
_OTHER_ARCHIVES = (
    ("xl/workbook.bin", "This is a binary Excel workbook (.xlsb). Save it as .xlsx or CSV, and upload that file."),
    ("word/document.xml", "This is a Word document, not a list. Put the people into a sheet, and save it as CSV."),
    ("ppt/presentation.xml", "This is a presentation, not a list."),
    ("Index/Document.iwa", "This is a Numbers document. Export it there as CSV or Excel, and upload that file."),
    ("content.xml", "This is an OpenDocument sheet (.ods). Save it as .xlsx or CSV, and upload that file."),
    ("META-INF/MANIFEST.MF", "This is a program (JAR or APK), not a list."),
)
_ARCHIVE_OF_FILES = "This is a zip archive. Unpack it and upload the file inside."

# Whatever openpyxl, zipfile and the XML parser raise when parts are missing, cut off or nonsense.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, ParseError, ArithmeticError, AssertionError, AttributeError, EOFError, LookupError,
    RuntimeError, TypeError, ValueError, OSError,
)  # fmt: skip


def main(memory: int, seconds: int, sheet: str) -> None:
    """The workbook from stdin, its sheet to stdout, and to stderr, as JSON, which sheet that is or why there is none.

    In so many bytes and seconds of the processor: whoever needs more dies.
    """
    _limit(memory, seconds)
    try:
        taken, every = write_out(sys.stdin.buffer, sys.stdout.buffer, sheet)
        sys.stdout.buffer.flush()
        said: dict[str, Any] = {"sheet": taken, "sheets": every}
    except NotACsv as refused:
        said = {"refused": refused.reason}
    except MemoryError:
        said = {"refused": TOO_MUCH}
    sys.stderr.write(f"\n{json.dumps(said)}\n")


def _limit(memory: int, seconds: int) -> None:
    limits = (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN + (64 << 20)),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        with suppress(ValueError, OSError):  # macOS does not limit the address space
            resource.setrlimit(kind, (most, most))


def write_out(file: BinaryIO, target: BinaryIO, sheet: str) -> tuple[str, list[str]]:
    """Write a sheet of the workbook into `target`; (its name, the names of all). Raises NotACsv."""
    try:
        _refuse_unfit(file)
        workbook = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        try:
            return _chosen(workbook, target, sheet), list(workbook.sheetnames)
        finally:
            workbook.close()
    except _BROKEN as error:
        raise NotACsv(TOO_MUCH if "out of memory" in str(error) else DAMAGED) from error  # as expat says it


def _refuse_unfit(file: BinaryIO) -> None:
    """By the archive's own list of its parts, none of which is opened; zipfile never unpacks more than that says."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        reason = next((reason for name, reason in _OTHER_ARCHIVES if name in names), _ARCHIVE_OF_FILES)
        raise NotACsv(reason)
    if len(parts) > MOST_PARTS or len(names) != len(parts) or any(_is_bomb(part) for part in parts):
        raise NotACsv(BOMB)


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    name, size = part.filename.lower(), part.file_size
    if not name.endswith((".xml", ".rels")):
        return False  # pictures and macros, which nobody opens
    if size > SMALL and size > WORST_RATIO * max(part.compress_size, 1):
        return True
    if name.startswith("xl/worksheets/"):
        return size > LARGEST_SHEET
    return size > (LARGEST_STRINGS if name == "xl/sharedstrings.xml" else LARGEST_OTHER) and _is_opened(name)


def _is_opened(name: str) -> bool:
    return not name.startswith(("xl/pivot", "xl/externallinks", "xl/drawings", "xl/charts", "xl/comments", "customxml"))


def _chosen(workbook: Workbook, target: BinaryIO, sheet: str) -> str:
    """Write out the sheet that was asked for or the first visible one with anything in it; its name."""
    sheets = [one for one in workbook.worksheets if isinstance(one, ReadOnlyWorksheet)]
    if sheet and sheet not in {one.title for one in sheets}:
        raise NotACsv(f"The workbook has no sheet “{sheet}”.")
    for one in sorted(sheets, key=lambda each: each.sheet_state != "visible"):
        if sheet in ("", one.title) and _write(one, target):
            return str(one.title)
    raise NotACsv("The workbook is empty." if not sheet else f"The sheet “{sheet}” is empty.")


def _write(sheet: ReadOnlyWorksheet, target: BinaryIO) -> bool:
    """Whether anything was in it. All cells in quotation marks, so that no delimiter but the comma can be guessed."""
    sheet.reset_dimensions()  # what the sheet claims of its size is not believed
    lines = io.TextIOWrapper(target, encoding="utf-8", errors="replace", newline="", write_through=True)
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\n")
    filled = seen = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number > MOST_ROWS:
            raise NotACsv(TOO_MANY_ROWS)
        cells = _cells(row)
        filled += bool(cells)
        writer.writerow(cells)
        seen += len(row)
        if seen > MOST_CELLS or target.tell() > MOST_WRITTEN:
            raise NotACsv(BOMB)
    lines.detach()
    if not filled:
        target.seek(0)
        target.truncate()
    return bool(filled)


def _cells(row: Iterable[ReadOnlyCell | EmptyCell]) -> list[str]:
    """The cells of a row as text, up to the last that is not empty; one that is too long is cut, and refused later."""
    cells = [_text(cell)[: reading.LONGEST_CELL + 1] for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > reading.MOST_COLUMNS:
        raise NotACsv(reading.too_wide(len(cells)))
    return cells


def _text(cell: ReadOnlyCell | EmptyCell) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(value.split("\n")).replace("\r", "").replace("\0", "").strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return _number(value, cell.number_format or "")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _number(value: float, shown_as: str) -> str:
    """Digits, never an exponent for what Excel can hold exactly; with the zeros in front that its format shows."""
    if isinstance(value, float) and (not value.is_integer() or abs(value) >= 1e15):
        return repr(value)
    zeros: Sequence[str] = shown_as.split(";")[:1]
    width = len(zeros[0]) if zeros and zeros[0] and not zeros[0].strip("0") else 0
    return str(int(value)).zfill(width)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
