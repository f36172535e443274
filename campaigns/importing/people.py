"""One row of a file to one person as stored, or the reason why not. Pure; shared by the preview and the import."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from campaigns import spreadsheets
from campaigns.importing import headings, phones, values
from campaigns.importing.headings import REPORT_COLUMNS
from campaigns.importing.options import REJECT, Options
from campaigns.importing.phone_zones import known_zones
from campaigns.importing.reading import Row

LONGEST_NAME = 200
LONGEST_WORD = 100  # of language, external id and consent
LONGEST_FLAG = 300
EMPTY_ROW = "The row is empty"
NO_CONSENT = "The consent column says no"
ANOTHER_COLUMN = "number taken from another column"
SAYS_NO = frozenset(
    headings.words(each) for each in (
        "no", "n", "false", "0", "withdrawn", "withdrew", "revoked", "refused", "denied", "declined", "rejected",
        "opt out", "optout", "opted out", "unsubscribe", "unsubscribed", "dnd", "dnc", "do not call", "do not contact",
        "don't call", "not given", "no consent", "no permission", "not consented", "stop", "stopped", "expired", "नहीं",
        "नही",
    )
)  # fmt: skip


class Person(NamedTuple):
    """A contact as it will be stored: `values` of the columns `Columns.extra`; `note` says what was repaired.

    `others` are further numbers of the person; `flag` names the values that are not what their column says, `wrong` the
    column and cell of the first of them.
    """

    line: int
    phone: str
    name: str
    time_zone: str
    values: Sequence[str]
    note: str
    others: Sequence[str] = ()
    language: str = ""
    external_id: str = ""
    consent: str = ""
    flag: str = ""
    wrong: tuple[str, str] = ("", "")


class BadRow(NamedTuple):
    """A row that becomes nobody: `value` is the cell at fault, as in the file, and `column` its heading.

    `refuses` is the number of somebody who does not want to be called, `refuses_id` their id.
    """

    line: int
    reason: str
    value: str
    column: str = ""
    refuses: str = ""
    refuses_id: str = ""


@dataclass(frozen=True)
class Columns:
    """Where things stand in a row: positions; `name` is None when no column holds names."""

    header: tuple[str, ...]
    phones: tuple[int, ...]
    name: int | None
    region: str
    options: Options = field(default_factory=Options)

    @classmethod
    def named(
        cls, header: Sequence[str], phone: str, name: str, region: str, options: Options | None = None
    ) -> "Columns":
        """By the names of the columns; ValueError when the header lacks one of them."""
        options = options or Options()
        places = list(header)
        for column in options.columns():
            places.index(column)
        numbers = dict.fromkeys(places.index(column) for column in (phone, *options.other_phones))
        place = places.index(name) if name in header and name != phone else None
        return cls(tuple(header), tuple(numbers), place, region, options)

    @cached_property
    def extra(self) -> list[str]:
        """The names of the columns that are kept as variables."""
        return [self.header[place] for place in self.places]

    @cached_property
    def places(self) -> list[int]:
        """Where the columns of `extra` stand in a row."""
        taken = {*self.phones, self.name, self.place(self.options.time_zone)}
        return [
            place for place, heading in enumerate(self.header) if place not in taken and heading not in REPORT_COLUMNS
        ]

    @cached_property
    def typed(self) -> list[tuple[int, str, str, values.Reading]]:
        """Of the columns of `extra` that are not text: place in `extra`, heading, kind, and what reads a cell."""
        kinds = [(place, name, self.options.types.get(name, values.TEXT)) for place, name in enumerate(self.extra)]
        found = [(place, name, kind, values.reading(kind, self.region)) for place, name, kind in kinds]
        return [(place, name, kind, read) for place, name, kind, read in found if read]

    @cached_property
    def more(self) -> bool:
        """Whether there is more to a row than one number, a name and text."""
        told = (self.options.time_zone, self.options.language, self.options.external_id, self.options.consent)
        return bool(self.typed or any(told))

    @cached_property
    def told(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Where zone, language, id and consent stand."""
        given = self.options
        return (
            self.place(given.time_zone),
            self.place(given.language),
            self.place(given.external_id),
            self.place(given.consent),
        )

    def place(self, column: str) -> int | None:
        return self.header.index(column) if column in self.header else None


def person(row: Row, columns: Columns) -> Person | BadRow:
    """Who stands in the row."""
    problem = _problem(row, columns)
    missing = len(columns.header) - len(row.cells)
    cells = row.cells + [""] * missing if missing > 0 else row.cells
    if problem:
        return BadRow(row.line, problem, cells[columns.phones[0]] if row.cells else "")
    first = columns.phones[0]
    found = phones.normalise(cells[first], columns.region)
    others: list[str] = []
    if len(columns.phones) > 1 or columns.options.only_mobiles or isinstance(found, phones.Rejected):
        chosen = _choose(row.line, found, others, cells, columns)
        if isinstance(chosen, BadRow):
            return _refusal(chosen, cells, columns)
        found = chosen
    name = "" if columns.name is None else " ".join(text_of(cells[columns.name]).split())[:LONGEST_NAME]
    kept = [text_of(cells[place]) for place in columns.places]
    plain = Person(row.line, found.e164, name, found.time_zone, kept, found.note, others)
    return _with_more(plain, cells, columns) if columns.more else plain


def _choose(
    line: int, first: phones.Phone | phones.Rejected, others: list[str], cells: Sequence[str], columns: Columns
) -> phones.Phone | BadRow:
    """The first number of the row that may be dialled; further ones go to `others`. Or what is wrong with the first."""
    chosen: phones.Phone | None = None
    bad: BadRow | None = None
    for place in columns.phones:
        found = first if place == columns.phones[0] else phones.normalise(cells[place], columns.region)
        if columns.options.only_mobiles:
            found = phones.mobiles_only(found)
        if isinstance(found, phones.Rejected):
            if bad is None or (not bad.value.strip() and cells[place].strip()):
                bad = BadRow(line, _reason(found, cells), cells[place], columns.header[place])
        elif chosen is None:
            chosen = found if bad is None else found._replace(note=_both(found.note, ANOTHER_COLUMN))
        elif found.e164 != chosen.e164 and found.e164 not in others:
            others.append(found.e164)
    return chosen or bad or BadRow(line, EMPTY_ROW, "")


def _refusal(bad: BadRow, cells: Sequence[str], columns: Columns) -> BadRow:
    """A row without a number to dial may still tell by an id who does not want to be called."""
    _, _, id_at, consent_at = columns.told
    return bad._replace(refuses_id=_word(cells, id_at)) if says_no(_word(cells, consent_at)) else bad


def _with_more(one: Person, cells: Sequence[str], columns: Columns) -> Person | BadRow:
    """With its zone, language, id and consent, and a flag where a value is not what its column holds."""
    options = columns.options
    zone_at, language_at, id_at, consent_at = columns.told
    consent = _word(cells, consent_at)
    if consent and says_no(consent):
        return BadRow(one.line, NO_CONSENT, consent, options.consent, one.phone, _word(cells, id_at))
    flags, wrong = _wrong_values(one, columns)
    zone = _word(cells, zone_at)
    if zone and zone not in known_zones():
        flags.append(f"{options.time_zone}: “{zone[:40]}” is no time zone like Asia/Kolkata")
        wrong = wrong or (options.time_zone, zone)
    if wrong and options.wrong_values == REJECT:
        return BadRow(one.line, flags[0], wrong[1], wrong[0])
    return Person(
        one.line,
        one.phone,
        one.name,
        zone if zone in known_zones() else one.time_zone,
        one.values,
        one.note,
        one.others,
        _word(cells, language_at),
        _word(cells, id_at),
        consent,
        "; ".join(flags)[:LONGEST_FLAG] if flags else "",
        wrong or ("", ""),
    )


@lru_cache(1 << 12)
def says_no(consent: str) -> bool:
    """Whether what a consent column says is a no."""
    return headings.words(consent) in SAYS_NO


def _wrong_values(one: Person, columns: Columns) -> tuple[list[str], tuple[str, str] | None]:
    """(flags, column and cell of the first wrong one). No value is changed: a bot says it as it was written."""
    flags: list[str] = []
    wrong: tuple[str, str] | None = None
    for place, name, kind, read in columns.typed:
        cell = one.values[place]
        if cell and read(cell) is None:
            flags.append(f"{name}: “{' '.join(cell.split())[:40]}” {values.WRONG[kind]}")
            wrong = wrong or (name, cell)
    return flags, wrong


def _both(note: str, more: str) -> str:
    if more in note:
        return note
    return f"{note}, {more}" if note else more


def _word(cells: Sequence[str], place: int | None) -> str:
    return "" if place is None else " ".join(text_of(cells[place]).split())[:LONGEST_WORD]


def text_of(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it as a formula."""
    cell = cell.strip()
    return spreadsheets.plain_cell(cell).strip() if cell[:1] == "'" else cell


def _problem(row: Row, columns: Columns) -> str:
    if row.problem:
        return row.problem
    if len(row.cells) > len(columns.header) and any(cell.strip() for cell in row.cells[len(columns.header) :]):
        return (
            f"{len(row.cells)} cells where the file has {len(columns.header)} columns: "
            "put a cell that contains the delimiter in quotation marks"
        )
    return ""


def _reason(found: phones.Rejected, cells: Sequence[str]) -> str:
    return found.reason if any(cell.strip() for cell in cells) else EMPTY_ROW
