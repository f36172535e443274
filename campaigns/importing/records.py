"""A CSV's records, streamed in batches with the lines at which they start. Memory does not grow with the file.

A block of the file in which each line is a record is cut by one call of `csv`. Where records have several lines, or a
line may hold a cell above the cap, they are gone through one by one.
"""

import contextlib
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO, NamedTuple

LONGEST_CELL = 10_000
LONGEST_LINE = 1_000_000
MOST_COLUMNS = 1_000
LONGEST_RECORD = 200  # lines; a quotation mark that stays open for longer is a stray one
BLOCK = 1 << 18  # characters read at once


class NotACsv(Exception):
    """The file cannot be read as a list. `reason` is a sentence with what to do; nothing was imported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Row(NamedTuple):
    """One record. `line` is the line of the file at which it starts; `problem` says why its cells are of no use."""

    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that follow each other: the lines at which they start, their cells, and what is wrong with some of them
    (by their place). `size`: about so many characters."""

    lines: Sequence[int]
    cells: list[list[str]]
    size: int
    problems: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cells)

    def rows(self) -> Iterator[Row]:
        """The same, one by one."""
        for place, (line, cells) in enumerate(zip(self.lines, self.cells, strict=True)):
            yield Row(line, cells, self.problems.get(place, ""))

    def part(self, start: int, end: int) -> "Batch":
        """Those from `start` to before `end`."""
        if start <= 0 and end >= len(self):
            return self
        kept = self.cells[start:end]
        problems = {place - start: why for place, why in self.problems.items() if start <= place < end}
        return Batch(self.lines[start:end], kept, self.size * len(kept) // max(len(self), 1), problems)


class Lines:
    """Decoded lines with their ends (LF, CRLF or CR), without NUL characters, which PostgreSQL cannot store.

    Split a block at a time, as a step of Python for each line costs more than reading it. Of the block that came last:
    `long`, it has lines that may hold a cell above the cap; `quoted`, it has quotation marks. `given` lines have come
    so far. `ended`: somebody asked for a line after the last.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.file, self.encoding = file, encoding
        self.long = self.quoted = self.ended = False
        self.given = 0

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.blocks())

    def blocks(self) -> Iterator[list[str]]:
        """The lines, a block of the file at a time."""
        self.file.seek(0)
        text = io.TextIOWrapper(self.file, encoding=self.encoding, errors="replace", newline="")
        rest = ""
        try:
            while block := text.read(BLOCK):
                block = rest + (block.replace("\0", "") if "\0" in block else block)
                lines = io.StringIO(block if self.given else block.removeprefix("\ufeff"), newline="").readlines()
                rest = "" if block.endswith("\n") or not lines else lines.pop()
                self._measure(lines, rest)
                self.quoted = '"' in block
                self.given += len(lines)
                yield lines
            if rest:
                self.given += 1
                yield [rest]
            self.ended = True
        finally:
            with contextlib.suppress(ValueError):  # whoever opened the file may have closed it already
                text.detach()  # or the wrapper would close it

    def _measure(self, lines: Sequence[str], rest: str) -> None:
        longest = max(len(rest), max(map(len, lines), default=0))
        self.long = longest > LONGEST_CELL
        if longest > LONGEST_LINE:
            place = next((at for at, line in enumerate(lines) if len(line) > LONGEST_LINE), len(lines))
            raise NotACsv(
                f"Line {self.given + place + 1:,} is longer than {LONGEST_LINE:,} characters: "
                "this is not a list of people."
            )


def in_batches(lines: Lines, delimiter: str) -> Iterator[Batch]:
    """Every record; blank lines are none. Raises NotACsv at a quotation mark left open."""
    blocks = lines.blocks()
    before = 0
    for block in blocks:
        yield from _cut(block, blocks, before, lines, delimiter)
        before = lines.given


def count(lines: Lines, delimiter: str) -> int:
    """How many records there are; raises NotACsv as `in_batches` does."""
    blocks = lines.blocks()
    counted = before = 0
    for block in blocks:
        if lines.quoted or lines.long:
            counted += sum(map(len, _cut(block, blocks, before, lines, delimiter)))
        else:
            counted += len(block) - sum(map(block.count, ("\n", "\r\n", "\r")))
        before = lines.given
    return counted


def _cut(block: list[str], blocks: Iterator[list[str]], before: int, lines: Lines, delimiter: str) -> Iterator[Batch]:
    """The records of a block that has `before` lines before it, and of those behind it that its last one goes into."""
    batch = None if lines.long else _at_once(block, before, delimiter)
    if batch is not None:
        yield batch
        return
    rows = _one_by_one(chain(block, chain.from_iterable(blocks)), before, lines, delimiter)
    yield from _gathered(rows)


def _at_once(block: Iterable[str], before: int, delimiter: str) -> Batch | None:
    """The records of a block if each of its lines is one; a blank line behind the last shows whether that is closed."""
    ended = [*block, "\n"]
    try:
        cells = list(csv.reader(ended, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return None
    if len(cells) != len(ended) or cells.pop():
        return None
    lines: Sequence[int] = range(before + 1, before + len(ended))
    if not all(cells):
        lines = [line for line, each in zip(lines, cells, strict=True) if each]
        cells = [each for each in cells if each]
    problems: dict[int, str] = {}
    if max(map(len, cells), default=0) > MOST_COLUMNS:
        problems = {place: too_many(len(each)) for place, each in enumerate(cells) if len(each) > MOST_COLUMNS}
        cells = [each[:MOST_COLUMNS] for each in cells]
    return Batch(lines, cells, sum(map(len, ended)), problems)


def _one_by_one(source: Iterable[str], before: int, lines: Lines, delimiter: str) -> Iterator[Row]:
    """Records up to one that ends where a block does."""
    line = taken = 0

    def bounded() -> Iterator[str]:
        nonlocal taken
        for text in source:
            taken += len(text)
            if taken > LONGEST_LINE:
                raise NotACsv(_left_open(line))
            yield text

    reader = csv.reader(bounded(), delimiter=delimiter, skipinitialspace=True)
    after = before
    while after < lines.given:
        line, taken, cells = after + 1, 0, None
        with contextlib.suppress(csv.Error):  # a cell above csv.field_size_limit(); the reader goes on at the next line
            cells = next(reader)
        after = before + reader.line_num
        if lines.ended or after - line >= LONGEST_RECORD or (cells is None and after > line):
            raise NotACsv(_left_open(line))
        if cells is None or cells:
            yield _examined(line, cells or [], too_long=cells is None)


def _examined(line: int, cells: list[str], *, too_long: bool) -> Row:
    if too_long or max(map(len, cells)) > LONGEST_CELL:
        return Row(line, cells[:MOST_COLUMNS], _TOO_LONG)
    if len(cells) > MOST_COLUMNS:
        return Row(line, cells[:MOST_COLUMNS], too_many(len(cells)))
    return Row(line, cells)


def _gathered(rows: Iterable[Row]) -> Iterator[Batch]:
    """The rows in batches of about a block."""
    gathered: list[Row] = []
    size = 0
    for row in rows:
        gathered.append(row)
        size += sum(map(len, row.cells)) + len(row.cells)
        if size >= BLOCK:
            yield _batch(gathered, size)
            gathered, size = [], 0
    if gathered:
        yield _batch(gathered, size)


def _batch(rows: Sequence[Row], size: int) -> Batch:
    problems = {place: row.problem for place, row in enumerate(rows) if row.problem}
    return Batch([row.line for row in rows], [row.cells for row in rows], size, problems)


_TOO_LONG = f"A cell is longer than {LONGEST_CELL:,} characters"


def too_many(cells: int) -> str:
    """What is wrong with a row of so many cells."""
    return f"{cells:,} cells: more than {MOST_COLUMNS:,} columns cannot be read"


def _left_open(line: int) -> str:
    return (
        f'In the row that starts in line {line:,} a quotation mark (") is opened and not closed. '
        "Close it or take it out, and upload the file again."
    )
