"""A file in chunks, each ready to be stored: who is in it, as text for COPY, and who is not. Knows no database.

The next chunk is made in a thread of its own while the database stores the one before.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring
from typing import BinaryIO, TypedDict, TypeVar

from campaigns.importing import phones, reading
from campaigns.importing.people import BadRow, Columns, Person, person
from campaigns.importing.reading import Row, Shape

Item = TypeVar("Item")

COLUMNS = "line, phone, name, time_zone, variables, alternatives, language, external_id, consent, flag"
STAGED = (  # a line of `Chunk.staged`
    "line int, phone text, name text, time_zone text, variables jsonb, alternatives jsonb, language text, "
    "external_id text, consent text, flag text"
)


@dataclass(frozen=True)
class Chunk:
    """So many rows, who stands in them and who does not; `staged` are the people as COPY takes them (STAGED)."""

    rows: int
    people: Sequence[Person]
    bad: Sequence[tuple[BadRow, Row]]
    cells: Sequence[Row]
    staged: bytes
    repairs: "dict[str, Repair]"
    bytes_read: int


class Repair(TypedDict):
    """Rows that were repaired in one way, and the first of them."""

    rows: int
    line: int
    before: str
    after: str


def chunks(file: BinaryIO, shape: Shape, columns: Columns, *, skip: int, size: int) -> Iterator[Chunk]:
    """The rows behind the first `skip`, `size` at a time."""
    rows = islice(reading.rows(file, shape), skip, None)
    prefixes = [f"{encode_basestring(name)}: " for name in columns.extra]
    while read := list(islice(rows, size)):
        found = [person(row, columns) for row in read]
        people = [each for each in found if isinstance(each, Person)]
        bad = [(each, row) for each, row in zip(found, read, strict=True) if isinstance(each, BadRow)]
        staged, repairs = _staged(people, prefixes), _repairs(people, read, columns)
        yield Chunk(len(read), people, bad, read, staged, repairs, file.tell())


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
    others = json.dumps(one.others) if one.others else "[]"
    return (
        f"{one.line}\t{one.phone}\t{one.name}\t{one.time_zone}\t{{{variables}}}\t{others}"
        f"\t{one.language}\t{one.external_id}\t{one.consent}\t{one.flag}\n"
    )


def together(some: Mapping[str, Repair], more: Mapping[str, Repair]) -> dict[str, Repair]:
    """Repairs of earlier and of later rows, added up; the earlier example stays."""
    added = dict(some)
    for kind, one in more.items():
        known = added.get(kind)
        added[kind] = {**known, "rows": known["rows"] + one["rows"]} if known else one
    return added


def _repairs(people: Iterable[Person], rows: Iterable[Row], columns: Columns) -> dict[str, Repair]:
    notes = Counter(one.note for one in people if one.note)
    first = {one.note: one for one in reversed(list(people)) if one.note}
    cells = {row.line: row.cells for row in rows} if notes else {}
    found: dict[str, Repair] = {}
    for note, count in notes.items():
        one = first[note]
        before, after = _masked(_taken(one, cells[one.line], columns).strip()[:60]), _masked(one.phone)
        for kind in note.split(", "):
            known = found.get(kind, {"rows": 0, "line": one.line, "before": before, "after": after})
            found[kind] = {**known, "rows": known["rows"] + count}
    return found


def _taken(one: Person, cells: Sequence[str], columns: Columns) -> str:
    """The cell that their number stands in; a row may end before a column of numbers."""
    given = [cells[place] for place in columns.phones if place < len(cells)]
    found = ((cell, phones.normalise(cell, columns.region)) for cell in given)
    return next((cell for cell, number in found if isinstance(number, phones.Phone) and number.e164 == one.phone), "")


def _masked(number: str) -> str:
    """Its first three and last two figures: what was repaired is seen, whose number it is is not."""
    figures = [place for place, char in enumerate(number) if char.isdecimal()]
    hidden = set(figures[3:-2])
    return "".join("•" if place in hidden else char for place, char in enumerate(number))
