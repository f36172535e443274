"""Reads a CSV as people really export it, streaming from disk: memory does not grow with the file.

`look` finds out how the file is written, `rows` and `batches` yield what stands in it, `check` reads it to its end once
so that a file that cannot be read is refused before anybody is imported. Nothing here knows about databases.
"""

import codecs
import contextlib
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import BinaryIO

from campaigns import spreadsheets
from campaigns.importing import headings
from campaigns.importing.records import LONGEST_CELL, MOST_COLUMNS, Batch, Lines, NotACsv, Row, count, in_batches

__all__ = ["LONGEST_CELL", "MOST_COLUMNS", "Batch", "NotACsv", "Row", "Shape", "batches", "check", "look", "rows"]

DELIMITERS = ",;\t|"
HEAD_BYTES = 65_536
SAMPLE_LINES = 100

# What may be asked for where a legacy file says nothing of its own: the names mean more than any guess from a few
# letters could, as digits and delimiters are the same bytes in all of them. UTF-8, UTF-16 and cp1252 are found out.
ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "utf-16": "Unicode (UTF-16)",
    "cp1252": "Western Windows",
    "iso8859-15": "Western ISO (Latin-9)",
    "mac_roman": "Western Mac",
    "cp850": "Western DOS",
    "cp1250": "Central European Windows",
    "cp1251": "Cyrillic Windows",
    "cp1253": "Greek Windows",
    "cp1254": "Turkish Windows",
    "cp1255": "Hebrew Windows",
    "cp1256": "Arabic Windows",
    "cp1258": "Vietnamese Windows",
    "cp874": "Thai Windows",
    "shift_jis": "Japanese (Shift JIS)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "euc_kr": "Korean (EUC-KR)",
}

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)
_AS_CSV = "Open it there, save it as CSV (UTF-8), and upload that file."
_SIGNATURES = (
    (b"PK\x03\x04", f"This is an Excel workbook or a zip archive, not a CSV. {_AS_CSV}"),
    (b"PK\x05\x06", "This is an empty zip archive."),
    (b"\xd0\xcf\x11\xe0", f"This is an old Excel workbook (.xls), or one with a password, not a CSV. {_AS_CSV}"),
    (b"%PDF", "This is a PDF. Ask for the list as CSV: numbers cannot be read reliably from a PDF."),
    (b"\x89PNG", "This is an image (PNG), not a CSV."),
    (b"\xff\xd8\xff", "This is an image (JPEG), not a CSV."),
    (b"GIF8", "This is an image (GIF), not a CSV."),
    (b"BM", "This is an image (BMP), not a CSV."),
    (b"II*\x00", "This is an image (TIFF), not a CSV."),
    (b"RIFF", "This is a picture, sound or video file, not a CSV."),
    (b"\x1f\x8b", "This file is compressed (gzip). Unpack it and upload the CSV inside."),
    (b"7z\xbc\xaf", "This file is compressed (7z). Unpack it and upload the CSV inside."),
    (b"Rar!", "This file is compressed (RAR). Unpack it and upload the CSV inside."),
    (b"BZh9", "This file is compressed (bzip2). Unpack it and upload the CSV inside."),
    (b"\xfd7zXZ", "This file is compressed (xz). Unpack it and upload the CSV inside."),
    (b"\x28\xb5\x2f\xfd", "This file is compressed (zstd). Unpack it and upload the CSV inside."),
    (b"PAR1", "This is a Parquet file, not a CSV. Export the list as CSV."),
    (b"BEGIN:VCARD", "This is a file of contact cards (vCard), not a CSV. Export the contacts as CSV."),
    (b"{\\rtf", "This is a text document (RTF), not a CSV."),
    (b"SQLite format", "This is a database file, not a CSV."),
)
_BINARY_EVEN_IF_TEXT_LIKE = frozenset({b"BM", b"RIFF", b"GIF8"})  # letters that a heading may begin with, too
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|table|\?xml|workbook)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\{\s*"|\[\s*[\[{"])')
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOUND_OUT = frozenset({"", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32"})


@dataclass(frozen=True)
class Shape:
    """How a file is written. `header` has one unique name per column; `skip` records precede the first row."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    has_header: bool
    skip: int

    @property
    def handed_out(self) -> bool:
        """Whether these are rejects as we write them: each cell then carries what keeps it from being a formula."""
        return set(headings.REPORT_COLUMNS) <= set(self.header)


def look(file: BinaryIO, encoding: str = "") -> Shape:
    """How the file is written, from its first lines; raises NotACsv.

    Without `encoding` every byte is decoded once, as one late cp1252 byte decides; with it (one of ENCODINGS, or the
    one that an earlier look found out) only the head is read. A byte order mark knows better than whoever asks.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    refuse_other_formats(head)
    if encoding not in ENCODINGS and encoding not in _FOUND_OUT:
        raise NotACsv(f"“{encoding}” is no encoding that can be read.")
    encoding = _by_bom(head) or encoding or _encoding(file, head)
    sample = list(islice(Lines(file, encoding), SAMPLE_LINES))
    if not any(line.strip() for line in sample):
        raise NotACsv("The file is empty.")
    marked = _SEPARATOR_LINE.fullmatch(sample[0])
    delimiter = marked[1] if marked else _delimiter(sample)
    records = _cut(sample[bool(marked) :], delimiter)
    if not records:
        raise NotACsv("The file has no rows.")
    has_header = headings.is_header(records[0])
    header = _header(records, has_header=has_header)
    if not header:
        raise NotACsv("The file begins with rows of empty cells. Take them out, and upload the file again.")
    return Shape(encoding, delimiter, header, has_header, skip=bool(marked) + has_header)


def check(file: BinaryIO, shape: Shape) -> int:
    """Read the whole file; the number of its rows. Raises NotACsv where it cannot be read, or has no row."""
    counted = count(Lines(file, shape.encoding), shape.delimiter) - shape.skip
    if counted <= 0:
        raise NotACsv("The file has a header and no rows below it.")
    return counted


def rows(file: BinaryIO, shape: Shape) -> Iterator[Row]:
    """Every record after the header; blank lines are no records. Raises NotACsv at a quotation mark left open."""
    return chain.from_iterable(batch.rows() for batch in batches(file, shape))


def batches(file: BinaryIO, shape: Shape, skip: int = 0) -> Iterator[Batch]:
    """The same in batches, without the first `skip` of them."""
    left = shape.skip + skip
    for batch in in_batches(Lines(file, shape.encoding), shape.delimiter):
        if left < len(batch):
            kept = batch.part(left, len(batch))
            yield _as_before(kept) if shape.handed_out else kept
        left = max(0, left - len(batch))


def _as_before(batch: Batch) -> Batch:
    """Rows of our rejects as they stood in the file that they were rejected from."""
    return replace(batch, cells=[list(map(spreadsheets.plain_cell, cells)) for cells in batch.cells])


def refuse_other_formats(head: bytes) -> None:
    """Raise NotACsv, naming the format, when the first bytes of a file are not text in rows."""
    if not head:
        raise NotACsv("The file is empty.")
    for signature, reason in _SIGNATURES:
        if head.startswith(signature) and not (signature in _BINARY_EVEN_IF_TEXT_LIKE and _is_text(head)):
            raise NotACsv(reason)
    if _MARKUP.match(head):
        raise NotACsv(f"This is a web page or XML, even if its name ends in .xls or .csv. {_AS_CSV}")
    if _JSON.match(head):
        raise NotACsv("This is JSON, not a CSV. Export the list as CSV.")
    if not _is_text(head):
        raise NotACsv("This is not a text file. Export the list as CSV and upload that file.")


def _is_text(head: bytes) -> bool:
    if _utf16_without_bom(head) or _by_bom(head):
        return True
    strange = sum(head.count(bytes([code])) for code in range(1, 32) if code not in (9, 10, 11, 12, 13, 26))
    return strange <= len(head) / 100 and head.count(0) <= len(head) / 10


def _by_bom(head: bytes) -> str:
    return next((name for bom, name in _BOMS if head.startswith(bom)), "")


def _encoding(file: BinaryIO, head: bytes) -> str:
    return _utf16_without_bom(head) or _utf8_or_legacy(file, "cp1252" if b"\n" in head else "mac_roman")


def _utf16_without_bom(head: bytes) -> str:
    """Digits, delimiters and line ends are ASCII in any script, so at least a fifth of the high bytes are NUL."""
    even, odd = head[0::2], head[1::2]
    if len(head) < 4:
        return ""
    if odd.count(0) > len(odd) / 5 and even.count(0) <= len(even) / 50:
        return "utf-16-le"
    if even.count(0) > len(even) / 5 and odd.count(0) <= len(odd) / 50:
        return "utf-16-be"
    return ""


def _utf8_or_legacy(file: BinaryIO, legacy: str) -> str:
    """UTF-8 if every byte is, or if only a few are damaged among many good ones; else Western Windows.

    Or Western Mac where lines end in CR alone, as only Excel on a Mac still writes them.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = damaged = 0
    file.seek(0)
    while block := file.read(1 << 20):
        text = decoder.decode(block)
        if not text.isascii():
            bad = max(0, text.count("\ufffd") - block.count(b"\xef\xbf\xbd"))  # less those that are written there
            damaged += bad
            good += len(text) - len(text.encode("ascii", "ignore")) - bad
    damaged += len(decoder.decode(b"", final=True))
    return "utf-8" if good >= 4 * damaged else legacy


def _delimiter(sample: Sequence[str]) -> str:
    """The delimiter that cuts the first lines most evenly into most columns; a comma when there is but one column."""
    scores = {delimiter: _evenness(sample, delimiter) for delimiter in DELIMITERS}
    return max(scores, key=scores.__getitem__)


def _cut(sample: Sequence[str], delimiter: str) -> list[list[str]]:
    """The records of the sample, up to one that csv cannot read."""
    records = []
    with contextlib.suppress(csv.Error):
        for cells in csv.reader(sample, delimiter=delimiter, skipinitialspace=True):
            records += [cells] if cells else []
    return records


def _evenness(sample: Sequence[str], delimiter: str) -> float:
    widths = [len(cells) for cells in _cut(sample, delimiter)]
    if not widths or widths[0] == 1:
        return 0.0
    width, times = Counter(widths).most_common(1)[0]
    return 0.0 if width == 1 else (times / len(widths)) ** 2 * min(width, 20)


def _header(records: Sequence[Sequence[str]], *, has_header: bool) -> tuple[str, ...]:
    """One name per column in use: a column needs a heading or, in most sampled rows, its place."""
    width = max(map(_used, records))
    if width > MOST_COLUMNS:
        raise NotACsv(too_wide(width))
    body = records[1:] if has_header else records
    usual = Counter(_used(cells) for cells in body).most_common(1)[0][0] if body else 0
    if not has_header:
        return headings.unique([""] * max(usual, 1))
    named = [spreadsheets.plain_cell(name) for name in records[0][: _used(records[0])]]
    return headings.unique(named + [""] * (usual - len(named)))


def too_wide(width: int) -> str:
    """What to do about a file of so many columns."""
    return f"The file has {width:,} columns; at most {MOST_COLUMNS:,} can be read. Take out what is not needed."


def _used(cells: Sequence[str]) -> int:
    """The number of cells up to the last one that is not blank."""
    return next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)
