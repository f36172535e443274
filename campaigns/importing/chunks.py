"""A file in chunks, each ready to be stored: who is in it, as text for COPY, and who is not. Knows no database.

The next chunk is made in a thread of its own while the database stores the one before.
"""

import gc
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypedDict, TypeVar

from campaigns.importing import by_columns, phones, reading
from campaigns.importing.by_columns import COLUMNS, Read
from campaigns.importing.people import Columns
from campaigns.importing.reading import Shape

__all__ = ["COLUMNS", "STAGED", "Chunk", "Repair", "Stride", "ahead", "chunks", "together"]

Item = TypeVar("Item")

STAGED = (  # COLUMNS and their types
    "line int, phone text, name text, time_zone text, variables jsonb, alternatives jsonb, language text, "
    "external_id text, consent text, flag text"
)
MOST_TEXT = 8_000_000  # characters of a chunk, as read and as made for COPY: it is in memory, and so is the next
FIRST, LEAST = 4_000, 1_000  # rows of the first chunk, and of any
STEP = 0.3  # seconds of work in a chunk
PATIENCE = 0.001  # seconds that the thread which talks to the database waits for the one that reads (Python's: 0.005)


@dataclass(frozen=True)
class Chunk:
    """So many rows, and who stands in them.

    `numbers` are theirs in order, which is how an index is read quickest; `again` the places of people whose number
    stands further up, too.
    """

    rows: int
    found: Read
    numbers: list[str]
    again: set[int]
    repairs: "dict[str, Repair]"
    bytes_read: int

    def rows_of(self, lines: set[int]) -> Iterator[tuple[int, str, list[str]]]:
        """Of the people who stand in these lines: line, number and cells."""
        found = self.found
        for line, phone, cells in zip(found.lines, found.phones, found.cells, strict=True) if lines else ():
            if line in lines:
                yield line, phone, cells


class Repair(TypedDict):
    """Rows that were repaired in one way, and the first of them."""

    rows: int
    line: int
    before: str
    after: str


class Stride:
    """How many rows the next chunk has: `most`, or as many as take STEP seconds here, so that on a busy machine, too, a
    progress bar moves each second. The first is short."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = min(FIRST, most)

    def took(self, rows: int, seconds: float) -> None:
        """So many rows were made and stored in so many seconds."""
        self.rows = min(self._most, max(LEAST, round(rows * STEP / max(seconds, 0.001))))


def chunks(file: BinaryIO, shape: Shape, columns: Columns, *, skip: int, stride: Stride) -> Iterator[Chunk]:
    """The rows behind the first `skip`, as many at a time as `stride` has; fewer where their text is long."""
    found, rows, text, size = Read(), 0, 0, stride.rows
    width = _width(columns)
    for batch in reading.batches(file, shape, skip):
        start = 0
        while start < len(batch):
            part = batch.part(start, start + min(size - rows, 1 + (MOST_TEXT - text) // width))
            found.add(by_columns.read(part, columns))
            start, rows, text = start + len(part), rows + len(part), text + part.size + len(part) * width
            if rows == size or text >= MOST_TEXT:
                yield _chunk(rows, found, columns, file.tell())
                found, rows, text, size = Read(), 0, 0, stride.rows
    if rows:
        yield _chunk(rows, found, columns, file.tell())


def _width(columns: Columns) -> int:
    """Characters that COPY takes for a row beside its cells: the names of all columns, be the row ever so short."""
    return 80 + sum(len(name) + 6 for name in columns.extra)


def _chunk(rows: int, found: Read, columns: Columns, bytes_read: int) -> Chunk:
    return Chunk(rows, found, sorted(found.phones), _again(found.phones), _repairs(found, columns), bytes_read)


def _again(phones: Sequence[str]) -> set[int]:
    first = dict(zip(reversed(phones), range(len(phones) - 1, -1, -1), strict=True))
    return set(range(len(phones))).difference(first.values()) if len(first) < len(phones) else set()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the next one is made while the caller works on this one."""
    with _patience(PATIENCE), ThreadPoolExecutor(1, thread_name_prefix="reading") as pool:
        coming = pool.submit(_next, items)
        while (item := coming.result()) is not None:
            coming = pool.submit(_next, items)
            yield item


def _next(items: Iterator[Item]) -> Item | None:
    """Without the collector of cycles: it would go through all cells again and again, and there are none in them."""
    collected = gc.isenabled()
    gc.disable()
    try:
        return next(items, None)
    finally:
        if collected:
            gc.enable()


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """A thread that waits for another's Python gets its turn after so long: the database must not wait for ours."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(some: Mapping[str, Repair], more: Mapping[str, Repair]) -> dict[str, Repair]:
    """Repairs of earlier and of later rows, added up; the earlier example stays."""
    added = dict(some)
    for kind, one in more.items():
        known = added.get(kind)
        added[kind] = {**known, "rows": known["rows"] + one["rows"]} if known else one
    return added


def _repairs(people: Read, columns: Columns) -> dict[str, Repair]:
    found: dict[str, Repair] = {}
    for note, count in Counter(filter(None, people.notes)).items():
        first = people.notes.index(note)
        line, phone = people.lines[first], people.phones[first]
        before = _masked(_taken(phone, people.cells[first], columns).strip()[:60])
        for kind in note.split(", "):
            known = found.get(kind, {"rows": 0, "line": line, "before": before, "after": _masked(phone)})
            found[kind] = {**known, "rows": known["rows"] + count}
    return found


def _taken(phone: str, cells: Sequence[str], columns: Columns) -> str:
    """The cell that their number stands in; a row may end before a column of numbers."""
    given = [cells[place] for place in columns.phones if place < len(cells)]
    found = ((cell, phones.normalise(cell, columns.region)) for cell in given)
    return next((cell for cell, number in found if isinstance(number, phones.Phone) and number.e164 == phone), "")


def _masked(number: str) -> str:
    """Its first three and last two figures: what was repaired is seen, whose number it is is not."""
    figures = [place for place, char in enumerate(number) if char.isdecimal()]
    hidden = set(figures[3:-2])
    return "".join("•" if place in hidden else char for place, char in enumerate(number))
