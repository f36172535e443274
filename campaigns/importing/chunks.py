"""A file in chunks, each ready to be stored: who is in it, as text for COPY, and who is not. Knows no database.

The next chunk is made in a thread of its own while the database stores the one before.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring
from typing import BinaryIO, TypeVar

from campaigns.importing import reading
from campaigns.importing.people import BadRow, Columns, Person, person
from campaigns.importing.reading import Row, Shape

Item = TypeVar("Item")

STAGED = "line int, phone text, name text, time_zone text, variables jsonb"  # a line of `Chunk.staged`


@dataclass(frozen=True)
class Chunk:
    """So many rows, who stands in them and who does not; `staged` are the people as COPY takes them (STAGED)."""

    rows: int
    people: Sequence[Person]
    bad: Sequence[tuple[BadRow, Row]]
    cells: Sequence[Row]
    staged: bytes
    bytes_read: int


def chunks(file: BinaryIO, shape: Shape, columns: Columns, *, skip: int, size: int) -> Iterator[Chunk]:
    """The rows behind the first `skip`, `size` at a time."""
    rows = islice(reading.rows(file, shape), skip, None)
    prefixes = [f"{encode_basestring(name)}: " for name in columns.extra]
    while read := list(islice(rows, size)):
        found = [person(row, columns) for row in read]
        people = [each for each in found if isinstance(each, Person)]
        bad = [(each, row) for each, row in zip(found, read, strict=True) if isinstance(each, BadRow)]
        yield Chunk(len(read), people, bad, read, _staged(people, prefixes), file.tell())


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the next one is made while the caller works on this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _staged(people: Iterable[Person], prefixes: Sequence[str]) -> bytes:
    """As COPY takes them: no value holds a tab or a line's end, so that only backslashes need another before them."""
    lines = "".join([_line(one, prefixes) for one in people])
    return lines.replace("\\", "\\\\").encode("utf-8", "replace")


def _line(one: Person, prefixes: Sequence[str]) -> str:
    variables = ", ".join([name + encode_basestring(value) for name, value in zip(prefixes, one.values, strict=True)])
    return f"{one.line}\t{one.phone}\t{one.name}\t{one.time_zone}\t{{{variables}}}\n"
