"""Which column is the phone, which the name, and what the first rows will look like once stored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from campaigns.importing import headings, phones, reading, uploads, values
from campaigns.importing.options import OTHER_PHONES, Options
from campaigns.importing.people import BadRow, Columns, Person, person
from campaigns.importing.phone_zones import known_zones
from campaigns.importing.reading import Row
from campaigns.models import Contact, ContactImport

SAMPLE_ROWS = 200


@dataclass(frozen=True)
class Guess:
    """The guessed columns ('' = none found) and, for every column, an example and why it was (not) taken."""

    phone: str
    name: str
    columns: list["ColumnSeen"]
    options: Options


@dataclass(frozen=True)
class ColumnSeen:
    """A column of the file: its first filled cells, the share (0 to 1) of filled cells that are numbers to dial, the
    kind of its values, whether they are all different, and whether they are time zones."""

    name: str
    examples: list[str]
    phone_share: float
    kind: str
    different: bool
    zones: bool


@dataclass(frozen=True)
class PreviewRow:
    """A row as it will be stored. `state` is good, repaired, flagged, duplicate or rejected; `problem` says why."""

    line: int
    state: str
    phone: str
    value: str
    name: str
    cells: list[str]
    problem: str
    others: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """The first rows as they will be stored, and the names of the extra columns in the order of `PreviewRow.cells`."""

    extra: list[str]
    rows: list[PreviewRow]


def guess(contact_import: ContactImport) -> Guess:
    """Guess the columns of an uploaded file from its headings and its first 200 rows; raises NotACsv."""
    with uploads.opened(contact_import) as (file, shape):
        return guess_in(file, shape, contact_import.contact_list.region)


def guess_in(file: BinaryIO, shape: reading.Shape, region: str) -> Guess:
    """`guess` for a file that is no import yet."""
    sample = [row.cells for row in islice(reading.rows(file, shape), SAMPLE_ROWS)]
    seen = [_seen(name, place, sample, region) for place, name in enumerate(shape.header)]
    phone = _best(seen, _phone_score)
    name = _best([column for column in seen if column.name != phone], _name_score)
    if not shape.has_header:
        name = next((column.name for column in seen if column.name != phone and _all_letters(column)), "")
    return Guess(phone, name, seen, _guess_options(seen, {phone, name}))


def _guess_options(seen: Sequence[ColumnSeen], taken: set[str]) -> Options:
    """What the other columns are: at most one of each role, and two more of numbers."""
    free = [column for column in seen if column.name not in taken]
    phones_too = [one.name for one in free if one.phone_share >= 0.5 and headings.says(one.name, headings.PHONE_WORDS)]
    free = [column for column in free if column.name not in phones_too[:OTHER_PHONES]]
    zone = next((one.name for one in free if one.zones), "")
    return Options(
        other_phones=tuple(phones_too[:OTHER_PHONES]),
        time_zone=zone,
        language=_first(free, headings.LANGUAGE_WORDS),
        external_id=_first([one for one in free if one.different], headings.ID_WORDS),
        consent=_first(free, headings.CONSENT_WORDS),
        types={one.name: one.kind for one in free if one.kind != values.TEXT and one.name != zone},
    )


def _first(columns: Sequence[ColumnSeen], vocabulary: Sequence[str]) -> str:
    """The column whose heading says it most surely; '' if none does."""
    said = [column.name for column in columns if headings.says(column.name, vocabulary)]
    return min(said, key=lambda name: headings.strength(name, vocabulary), default="")


def _seen(name: str, place: int, sample: Sequence[Sequence[str]], region: str) -> ColumnSeen:
    cells = [cells[place].strip() for cells in sample if place < len(cells) and cells[place].strip()]
    good = sum(isinstance(phones.normalise(cell, region), phones.Phone) for cell in cells)
    return ColumnSeen(
        name,
        examples=[cell[:60] for cell in cells[:3]],
        phone_share=good / len(cells) if cells else 0.0,
        kind=values.guess(name, cells, region),
        different=len(set(cells)) == len(cells) > 0,
        zones=bool(cells) and all("/" in cell and cell in known_zones() for cell in set(cells)),
    )


def _best(seen: Sequence[ColumnSeen], score: Callable[[ColumnSeen], float]) -> str:
    scored = {column.name: score(column) for column in seen}
    best = max(scored, key=scored.__getitem__, default="")
    return best if scored.get(best, 0.0) > 0 else ""


def _phone_score(column: ColumnSeen) -> float:
    """Above zero: may be the phone. Account numbers often look like mobiles, so the heading weighs as much."""
    said = headings.says(column.name, headings.PHONE_WORDS)
    if not said and headings.says(column.name, headings.NUMBERS_OF_OTHER_THINGS):
        return 0.0
    score = column.phone_share if column.phone_share >= 0.5 or said else 0.0
    strength = 1.0 - headings.strength(column.name, headings.PHONE_WORDS) / 100 if said else 0.0
    return score + strength * 0.6 - 0.5 * headings.says(column.name, headings.SECOND_CHOICES)


def _name_score(column: ColumnSeen) -> float:
    if column.phone_share >= 0.5 or not headings.says(column.name, headings.NAME_WORDS):
        return 0.0
    score = 1.0 - headings.strength(column.name, headings.NAME_WORDS) / 100
    return score - 0.9 * headings.says(column.name, headings.NAMES_OF_OTHER_THINGS)


def _all_letters(column: ColumnSeen) -> bool:
    return bool(column.examples) and all(
        any(char.isalpha() for char in cell) and not any(char.isdigit() for char in cell) for cell in column.examples
    )


def preview(
    contact_import: ContactImport,
    phone_column: str,
    name_column: str = "",
    options: Options | None = None,
    rows: int = 20,
) -> Preview:
    """The first rows as they would be stored with these columns. ValueError for a column the file does not have."""
    with uploads.opened(contact_import) as (file, shape):
        first = list(islice(reading.rows(file, shape), rows))
    columns = Columns.named(shape.header, phone_column, name_column, contact_import.contact_list.region, options)
    return Preview(columns.extra, list(_previewed(first, columns, contact_import)))


def _previewed(rows: Sequence[Row], columns: Columns, contact_import: ContactImport) -> Iterator[PreviewRow]:
    read = [(row, person(row, columns)) for row in rows]
    numbers = [found.phone for _, found in read if isinstance(found, Person)]
    known = Contact.objects.filter(contact_list=contact_import.contact_list, phone__in=numbers)
    problems = dict.fromkeys(known.values_list("phone", flat=True), "Already in this list")
    for row, found in read:
        if isinstance(found, BadRow):
            yield _bad(row, found, columns)
            continue
        yield _good(row, found, columns, problems.get(found.phone, ""))
        problems.setdefault(found.phone, f"Same number as line {found.line:,}")


def _bad(row: Row, found: BadRow, columns: Columns) -> PreviewRow:
    cells = row.cells + [""] * len(columns.header)
    name = "" if columns.name is None else cells[columns.name]
    extra = [cells[place] for place in columns.places]
    return PreviewRow(row.line, "rejected", "", found.value[:60], name[:60], extra, found.reason)


def _good(row: Row, found: Person, columns: Columns, duplicate: str) -> PreviewRow:
    state, problem = ("repaired", f"Repaired: {found.note}") if found.note else ("good", "")
    if found.flag:
        state, problem = "flagged", found.flag
    if duplicate:
        state, problem = "duplicate", duplicate
    cells = row.cells + [""] * len(columns.header)
    value = cells[columns.phones[0]].strip() if found.note else ""
    return PreviewRow(found.line, state, found.phone, value, found.name, [*found.values], problem, found.others)
